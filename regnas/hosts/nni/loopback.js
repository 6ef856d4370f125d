// Loaded into NNI's manager by NODE_OPTIONS: whatever it listens on, it listens on this machine alone.
// NNI's server has no authentication and no option for the address.
"use strict";
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
    const [first, second] = args;
    if (first !== null && typeof first === "object") {
        if (first.path === undefined && first.fd === undefined && first._handle === undefined) {
            args[0] = { ...first, host: "127.0.0.1" };
        }
    } else if (first == null || typeof first === "function") {
        args.unshift({ port: 0, host: "127.0.0.1" });
    } else if (typeof first === "number" || /^\d+$/.test(first)) {
        if (typeof second === "string") {
            args[1] = "127.0.0.1";
        } else {
            args.splice(1, 0, "127.0.0.1");
        }
    }
    return listen.apply(this, args);
};
