// The decision, for the browser: the same rules as gatekeeper/core/decisions.py and choices.py, over the site's settings
// as gatekeeper/core/guard.py writes them. Pure: no document, no navigator, no clock. tests/cases/*.json run on both.

const DAY = 86400; // seconds
const MAX_VALUE = 512;
const FORM =
  /^1\.([a-z][a-z0-9-]{1,31})\.([1-9]\d{0,5})\.(\d{8})\.(g|[rw]p?)(x?)\.([\da-f]+)\.([\da-f]+)\.(-|0|13|16|18)\.([\da-f]+)$/;

const { hasOwn } = Object;

/** Returns a table's entry, never one that every object inherits: "constructor" is a lawful tracker id. */
function own(table, key) {
  return hasOwn(table, key) ? table[key] : undefined;
}

/** Decides whether a tracker may fire: {allowed, reason}. `now` is in seconds; in doubt, denied. */
function decide(tracker, visitor, site, now) {
  return answer(() => {
    const declared = own(site.trackers, tracker);
    if (declared?.loads) return loader(tracker, declared, visitor, site, now);
    return rules(declared?.purpose, visitor, site, now, (choice, notice) => {
      const told = toldOf(notice, tracker);
      return !told.length ? "stale_notice" : told.every((asked) => grants(choice, declared.purpose, asked));
    });
  });
}

/** A tag manager may run when anything that it loads may, if its own vendor was told of and it is not excepted. */
function loader(id, { purpose, loads }, visitor, site, now) {
  const loaded = loads.map((child) => decide(child, visitor, site, now));
  const { allowed, reason } = loaded.find((decision) => decision.allowed) || loaded[0];
  const { choice } = visitor;
  if (!allowed || reason === "necessary") return reason;
  if (!toldOf(site.notices[choice.notice], id).length) return "stale_notice";
  return choice.purposes.includes(purpose) && choice.trackers.includes(id) ? "refused" : reason;
}

/** Decides whether the site itself may do something for a purpose: {allowed, reason}. */
function decidePurpose(purpose, visitor, site, now) {
  return answer(() =>
    rules(purpose, visitor, site, now, (choice, notice) =>
      notice.purposes.includes(purpose) ? choice.purposes.includes(purpose) : "stale_notice",
    ),
  );
}

/** Makes a decision of a reason; an error is a denial. */
function answer(find) {
  let reason = "fail_closed";
  try {
    reason = find();
  } catch {
    // Rule 1: in doubt, nothing fires.
  }
  return { allowed: reason === "necessary" || reason === "granted", reason };
}

/** Returns the reason of the first rule that applies. `granted` tells true, false, or a reason of its own. */
function rules(id, visitor, site, now, granted) {
  const purpose = own(site.purposes, id);
  const { choice } = visitor;
  if (!purpose || !site.notice) return "fail_closed";
  if (purpose.necessary) return "necessary";
  if (tooYoung(purpose, visitor.age_band) || tooYoung(purpose, choice?.age_band)) return "minor";
  if (visitor.status !== "active") return "restricted";
  if (objected(purpose, visitor.signals) && !choice?.override.includes(id)) return "signal";
  if (!choice) return "no_choice";
  if (choice.site !== site.site) return "other_site";
  const notice = site.notices[choice.notice];
  if (!notice) return "fail_closed";
  if (!(Math.floor(now / DAY) - dayNumber(choice.day) <= site.days)) return "expired";
  if (choice.state !== "granted") return choice.state;
  const found = granted(choice, notice);
  return found === true ? "granted" : found || "refused";
}

function tooYoung(purpose, band) {
  return band != null && !(band >= purpose.age);
}

function objected(purpose, signals) {
  return purpose.denied_by?.some((signal) => signals.includes(signal));
}

/** The trackers by which a notice told visitors of a tracker; each stands for itself unless the notice says otherwise. */
function toldOf(notice, tracker) {
  return notice.told ? own(notice.told, tracker) || [] : notice.trackers.filter((id) => id === tracker);
}

/** A tracker listed in the choice is an exception: its answer is the opposite of its purpose's. */
function grants(choice, purpose, tracker) {
  return choice.purposes.includes(purpose) !== choice.trackers.includes(tracker);
}

/** Reads a gk_choice value; null where it is not one of this site's. */
function readChoice(value, site) {
  try {
    // Most visitors come without one, and an error thrown in the first moment of a page costs it a millisecond.
    const [, id, no, day, letter, objects, purposes, trackers, age, override] =
      value && value.length <= MAX_VALUE && FORM.exec(value);
    const notice = site.notices[no];
    if (id !== site.site || !isDay(day)) return null;
    return {
      site: id,
      notice: +no,
      day,
      state: { g: "granted", r: "refused", w: "withdrawn" }[letter[0]],
      purposes: names(purposes, notice.purposes),
      trackers: names(trackers, notice.trackers),
      override: names(override, notice.purposes),
      age_band: age === "-" ? null : +age,
      pending: letter.length > 1,
      objects: !!objects,
    };
  } catch {
    return null;
  }
}

/** "20261122" as days since the epoch. Asked at every decision. */
function dayNumber(text) {
  return Date.UTC(text.slice(0, 4), text.slice(4, 6) - 1, text.slice(6)) / (DAY * 1000);
}

/** Tells whether there is such a day: Date would make 2 March of 30 February. */
function isDay(text) {
  return new Date(dayNumber(text) * DAY * 1000).toISOString().split("-").join("").startsWith(text);
}

function names(hex, order) {
  const number = BigInt("0x" + hex);
  if (number >> BigInt(order.length)) throw Error();
  return order.filter((_, index) => (number >> BigInt(index)) & 1n);
}
