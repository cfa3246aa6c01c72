// tries: files of the host, processes and sockets by the library of Java
// cpu_s: 4
// wall_s: 20
// memory_mb: 256
// compile_s: 20
// compile_mb: 1024
import java.io.FileWriter;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;

public class Main {
    interface Attempt {
        void run() throws Exception;
    }

    static boolean escaped = false;

    static void refused(String what, Attempt attempt) {
        try {
            attempt.run();
            System.out.println("ESCAPED " + what);
            escaped = true;
        } catch (Throwable e) {
            System.err.println(what + ": " + e);
        }
    }

    public static void main(String[] arguments) {
        refused("read", () -> Files.readString(Path.of("@SECRET_PATH@")));
        refused("shadow", () -> Files.readString(Path.of("/etc/shadow")));
        refused("environment of PID 1", () -> Files.readAllBytes(Path.of("/proc/1/environ")));
        refused("write", () -> new FileWriter("/usr/lib/evil.jar").close());
        refused("socket", () -> new Socket("127.0.0.1", 80));
        refused("server", () -> new ServerSocket(0));
        if (!escaped)
            System.out.println("CONTAINED");
    }
}
