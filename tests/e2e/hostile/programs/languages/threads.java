// tries: threads without end
// cpu_s: 4
// wall_s: 20
// memory_mb: 256
// processes: 64
// compile_s: 20
// compile_mb: 1024
// accept: ok, exit, memory, signal
// expect: CONTAINED|\A\Z
public class Main {
    public static void main(String[] arguments) {
        int count = 0;
        try {
            while (count < 2000) {
                Thread thread = new Thread(() -> {
                    try {
                        Thread.sleep(60000);
                    } catch (InterruptedException e) {
                    }
                });
                thread.start();
                count++;
            }
            System.out.println("ESCAPED " + count + " threads");
        } catch (Throwable e) {
            System.out.println("CONTAINED");
        }
        Runtime.getRuntime().halt(0);
    }
}
