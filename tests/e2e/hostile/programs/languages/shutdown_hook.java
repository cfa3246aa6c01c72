// tries: never ends: a shutdown hook that waits for ever after the exit
// cpu_s: 4
// wall_s: 3
// memory_mb: 256
// compile_s: 20
// compile_mb: 1024
// accept: wall_time
// expect: \Abefore\n\Z
public class Main {
    public static void main(String[] arguments) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            for (;;) {
                try {
                    Thread.sleep(60000);
                } catch (InterruptedException e) {
                }
            }
        }));
        System.out.println("before");
        System.exit(0);
    }
}
