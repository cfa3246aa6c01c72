// tries: ends with success in every way that Node has
// accept: exit
// code: 7
// cpu_s: 3
// wall_s: 10
// memory_mb: 128
// expect: \Abefore\nCONTAINED\n\Z
process.on("exit", () => {
  console.log("CONTAINED");
  process.exitCode = 7;
});
console.log("before");
process.kill(process.pid, "SIGCONT");
