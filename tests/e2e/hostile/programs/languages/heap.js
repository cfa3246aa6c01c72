// tries: memory outside of the engine's own heap
// cpu_s: 3
// wall_s: 10
// memory_mb: 128
// accept: memory, exit, signal
// expect: \A\Z
const kept = [];
for (;;) {
  kept.push(Buffer.alloc(8 << 20, 1));
  if (kept.length > 200) {
    console.log("ESCAPED");
    process.exit(0);
  }
}
