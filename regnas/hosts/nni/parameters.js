// Loaded into NNI's manager by NODE_OPTIONS: every trial gets the parameters that it was made for.
// NNI 3.0 gives parameters to the trial that asks first, and records results under the one that was made first: of
// trials that start together, each can be recorded with the result of the other.
"use strict";
const crypto = require("crypto");
const Module = require("module");
const load = Module._load;
let done = false;

function allocate(Service) {
    const submit = Service.prototype.submitTrialJob;
    Service.prototype.submitTrialJob = function (form) {
        if (this.ownIds === undefined) {
            this.ownIds = new Map();
            const create = this.v3.createTrial.bind(this.v3);
            this.v3.createTrial = (environment, command, folder, sequence, id) =>
                create(environment, command, folder, sequence, id ?? this.ownIds.get(sequence));
        }
        if (!form.id) {
            const id = crypto.randomBytes(5).toString("hex");
            this.ownIds.set(form.sequenceId, id);
            this.allocatedParameters.set(id, form.hyperParameters.value);
        }
        return submit.call(this, form);
    };
}

Module._load = function (request, ...more) {
    const loaded = load.call(this, request, ...more);
    if (!done && request.endsWith("v3/compat") && loaded.V3asV1) {
        done = true;
        allocate(loaded.V3asV1);
    }
    return loaded;
};
