"""What other windows and tabs may post: made-up and malformed messages, as a list in JavaScript.

Calls as consent managers with ``postMessage`` interfaces take them, words of our own interface, and nonsense.
"""

MESSAGES = """
    const circle = {}; circle.self = circle;
    let deep = {}; for (let level = 0; level < 500; level++) deep = {deep};
    const day = new Date().toISOString().slice(0, 10).replace(/-/g, "");
    const grant = {granted: ["functional", "analytics", "marketing"], notice: 1};
    const value = `1.shop.1.${day}.g.7.0.-.0`;
    const messages = [
        undefined, null, true, false, 0, 1, -1, NaN, Infinity, 10n, "", " ", "null", "{", "{}", "[]", "choose",
        {}, [], [[]], {data: {}}, {type: null}, circle, deep, "x".repeat(1e6), new Array(1000).fill(0),
        new Date(), new Date(NaN), /x/g, new Map([["choose", grant]]), new Set([1]), new Error("x"), new Blob(["x"]),
        new ArrayBuffer(8), new Uint8Array(1e5), Object.create(null), JSON.parse('{"__proto__": {"analytics": true}}'),
        {constructor: {prototype: {analytics: true}}}, {toString: "x", valueOf: "x", length: -1},
        {__tcfapiCall: {command: "getTCData", parameter: null, version: 2, callId: "1"}},
        {__tcfapiCall: {command: "addEventListener", version: 2, callId: 1}}, {__tcfapiCall: null}, {__tcfapiCall: []},
        {__tcfapiCall: {command: "__proto__", version: "2", callId: {}}},
        JSON.stringify({__tcfapiCall: {command: "ping", version: 2, callId: "2"}}),
        {__gppCall: {command: "getGPPData", parameter: null, callId: "3", version: "1.1"}}, {__gppCall: 1},
        {__uspapiCall: {command: "getUSPData", version: 1, callId: "4"}},
        {__cmpCall: {command: "getConsentData", callId: "5"}},
        {type: "gatekeeper:choice", detail: {state: "granted", purposes: grant.granted}}, {gatekeeper: grant},
        {gatekeeper: ["choose", grant]}, ["choose", grant], {choose: grant}, grant, {choice: value}, value,
        `gk_choice=${value}`, {state: "granted"}, {state: "refused"}, {state: "withdrawn"}, "withdraw", ["withdraw"],
        {type: "open"}, ["open"], {type: "refresh"}, {subject: true}, ["decision", "ads"], {command: "export"},
        JSON.stringify(["choose", grant]), JSON.stringify({type: "gatekeeper:choice", detail: grant}),
    ];
    // And nonsense of every shape, the same each time.
    let seed = 20261122;
    const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    const words = ["choose", "granted", "analytics", "marketing", "state", "choice", "gatekeeper", "__proto__", ""];
    const nonsense = (level) => {
        const word = words[random(words.length)];
        if (level === 0 || random(3) === 0) return [word, random(9), null, true, value][random(5)];
        const some = Array.from({length: random(4)}, () => [words[random(words.length)], nonsense(level - 1)]);
        return random(2) ? some : Object.fromEntries(some);
    };
    for (let count = 0; count < 200; count++) messages.push(nonsense(4));
"""
