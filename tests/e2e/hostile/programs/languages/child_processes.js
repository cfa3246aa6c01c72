// tries: files, child processes and sockets by the library of Node
// cpu_s: 3
// wall_s: 10
// memory_mb: 128
// processes: 64
const fs = require("fs");
const net = require("net");
const { spawn } = require("child_process");

let escaped = false;
function refused(what, attempt) {
  try {
    attempt();
    console.log("ESCAPED", what);
    escaped = true;
  } catch (error) {
    console.error(what, error.message);
  }
}
refused("read", () => fs.readFileSync("@SECRET_PATH@"));
refused("shadow", () => fs.readFileSync("/etc/shadow"));
refused("write", () => fs.writeFileSync("/usr/lib/evil.js", "x"));
refused("environment of PID 1", () => fs.readFileSync("/proc/1/environ").toString().at(0).length);
spawn("/bin/sleep", ["60"], { detached: true, stdio: "ignore" }).unref();
const socket = net.connect(80, "127.0.0.1");
socket.on("connect", () => { console.log("ESCAPED connect"); process.exit(0); });
socket.on("error", () => { if (!escaped) console.log("CONTAINED"); process.exit(0); });
