// tries: memory without end, caught and tried again
// cpu_s: 4
// wall_s: 20
// memory_mb: 128
// compile_s: 20
// compile_mb: 1024
// accept: memory, exit, cpu_time
// expect: \A\Z
import java.util.ArrayList;

public class Main {
    public static void main(String[] arguments) {
        ArrayList<byte[]> kept = new ArrayList<>();
        for (;;) {
            kept.add(new byte[1 << 20]);
            if (kept.size() > 1000) {
                System.out.println("ESCAPED a gigabyte");
                return;
            }
        }
    }
}
