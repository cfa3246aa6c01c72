#!/bin/sh
# Install the Java compiler's front end into /solvent/java, with an archive of the classes that it uses.
set -eu
from=$(cd "$(dirname "$0")" && pwd)
to=/solvent/java
mkdir -p "$to" /tmp/java
javac -d /tmp/java "$from/CompileJar.java"
jar --create --file "$to/compiler.jar" -C /tmp/java .
# An archive of classes is valid only while the files that it was made from keep their dates.
touch -d "@$SOURCE_DATE_EPOCH" "$to/compiler.jar"
java -Xshare:dump -XX:+UseSerialGC >/dev/null
cp "$from/compile" "$to/compile"
chmod 755 "$to/compile"
cd /tmp/java
cat >Warm.java <<'JAVA'
import java.io.*;
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Warm {
    record Pair(int a, long b) implements Comparable<Pair> {
        public int compareTo(Pair other) { return Integer.compare(a, other.a); }
    }
    interface Shape { default double area() { return 0; } }
    enum Kind { ONE, TWO }
    static <T extends Comparable<T>> T most(List<T> all) { return Collections.max(all); }
    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringTokenizer words = new StringTokenizer("1 2 3");
        Map<String, List<Integer>> map = new HashMap<>();
        while (words.hasMoreTokens()) map.computeIfAbsent("x", key -> new ArrayList<>()).add(Integer.parseInt(words.nextToken()));
        PriorityQueue<Pair> queue = new PriorityQueue<>(Comparator.comparingInt(Pair::a));
        queue.add(new Pair(1, 2L));
        Shape shape = new Shape() { public double area() { return Math.PI; } };
        String text = switch (Kind.ONE) { case ONE -> "one"; case TWO -> "two"; };
        for (int[] row : new int[3][4]) Arrays.fill(row, 1);
        System.out.printf("%s %d %.2f%n", text + map, IntStream.range(0, 9).sum(), shape.area());
        System.out.println(Stream.of(3, 1).sorted().map(String::valueOf).collect(Collectors.joining(" ")) + most(List.of(1)));
        try (PrintWriter out = new PrintWriter(System.out)) { out.println(queue.poll()); } catch (RuntimeException error) { throw error; }
    }
}
JAVA
java -XX:ArchiveClassesAtExit="$to/compiler.jsa" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData \
  -cp "$to/compiler.jar" CompileJar warm.jar Warm.java 2>/dev/null || rm -f "$to/compiler.jsa"
cd /
rm -rf /tmp/java
