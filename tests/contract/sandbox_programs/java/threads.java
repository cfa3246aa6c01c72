import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

public class Main {
    public static void main(String[] args) throws ExecutionException, InterruptedException {
        var pool = Executors.newFixedThreadPool(8);
        List<Future<Integer>> squares = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int number = i;
            squares.add(pool.submit(() -> number * number));
        }
        int sum = 0;
        for (Future<Integer> square : squares) sum += square.get();
        pool.shutdown();
        System.out.println(IntStream.range(0, 1).parallel().map(x -> x).sum() + sum);
    }
}
