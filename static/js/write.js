// Writing a choice, for the browser: the reverse of readChoice in decide.js, and the same as in
// gatekeeper/core/choices.py. Of the part "page".

/** Writes a choice as a gk_choice value. */
function writeChoice(choice, site) {
  const { purposes, trackers } = site.notices[choice.notice];
  return [
    1,
    choice.site,
    choice.notice,
    choice.day,
    choice.state[0] + (choice.pending ? "p" : "") + (choice.objects ? "x" : ""),
    bits(choice.purposes, purposes),
    bits(choice.trackers, trackers),
    choice.age_band ?? "-",
    bits(choice.override, purposes),
  ].join(".");
}

function bits(chosen, order) {
  return order.reduce((sum, name, index) => (chosen.includes(name) ? sum | (1n << BigInt(index)) : sum), 0n).toString(16);
}
