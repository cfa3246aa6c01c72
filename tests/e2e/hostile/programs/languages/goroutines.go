// tries: goroutines that compute and wait without end
// cpu_s: 0.5
// wall_s: 20
// compile_s: 30
// compile_mb: 1024
// memory_mb: 128
// accept: cpu_time, memory
package main

func main() {
	for {
		go func() {
			for {
			}
		}()
	}
}
