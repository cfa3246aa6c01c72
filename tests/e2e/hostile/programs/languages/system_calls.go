// tries: processes, sockets and mounts by the library of Go
// cpu_s: 2
// compile_s: 30
// compile_mb: 1024
// memory_mb: 128
package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

func main() {
	escaped := false
	refused := func(what string, err error) {
		if err == nil {
			fmt.Println("ESCAPED", what)
			escaped = true
		}
	}
	_, err := net.Listen("tcp", "127.0.0.1:0")
	refused("listen", err)
	_, err = net.Dial("tcp", "127.0.0.1:80")
	refused("dial", err)
	refused("mount", syscall.Mount("tmpfs", "/tmp", "tmpfs", 0, ""))
	refused("chroot", syscall.Chroot("/tmp"))
	refused("unshare", syscall.Unshare(syscall.CLONE_NEWUSER))
	_, err = os.ReadFile("@SECRET_PATH@")
	refused("read", err)
	refused("write", os.WriteFile("/etc/evil", []byte("x"), 0o600))
	if !escaped {
		fmt.Println("CONTAINED")
	}
}
