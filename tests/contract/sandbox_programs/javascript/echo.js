const fs = require("fs");

fs.writeSync(1, fs.readFileSync(0));
