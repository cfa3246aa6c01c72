// tries: takes files of the system into the binary by go:embed, and C code by cgo
// compile: error, time
// compile_s: 30
// compile_mb: 1024
package main

// #include "/etc/shadow"
import "C"
import _ "embed"

//go:embed /etc/shadow
var secret string

func main() { println("ESCAPED", secret) }
