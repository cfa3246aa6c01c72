public class Main {
    public static void main(String[] args) {
        int[] none = new int[args.length];
        System.out.println(none[5]);
    }
}
