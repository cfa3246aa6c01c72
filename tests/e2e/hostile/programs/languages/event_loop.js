// tries: a loop that never lets go, and promises without end
// cpu_s: 0.5
// wall_s: 20
// memory_mb: 128
// accept: cpu_time
async function again() {
  for (;;) await null;
}
again();
for (;;) {}
