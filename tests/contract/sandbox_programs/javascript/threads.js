const { Worker } = require("worker_threads");

let sum = 0;
let left = 4;
for (let i = 0; i < 8; i += 2) {
  const worker = new Worker("require('worker_threads').parentPort.postMessage(require('worker_threads').workerData ** 2)", {
    eval: true,
    workerData: i,
  });
  worker.on("message", (square) => (sum += square + (i + 1) ** 2));
  worker.on("exit", () => --left || console.log(sum));
}
