import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.NestingKind;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Compile Java sources into a jar that `java -jar` runs.
 *
 * Usage: CompileJar JAR MAIN_SOURCE [SOURCE...]. Unlike javac, a public class may be in a file of any name, since a
 * judge is given a text and not its file's name. The main class is the first with a `public static void main(String[])`
 * in the order in which the compiler writes them, those of the main source first and nested ones last. Exit code 1: the
 * sources are wrong, see standard error.
 */
public final class CompileJar {
    public static void main(String[] arguments) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StandardJavaFileManager files = compiler.getStandardFileManager(null, Locale.ROOT, null);
        Classes classes = new Classes(files);
        List<JavaFileObject> sources = new ArrayList<>();
        for (int i = 1; i < arguments.length; i++) sources.add(new Source(arguments[i]));
        List<String> options = List.of("-encoding", "UTF-8", "-proc:none", "-g:source,lines", "-nowarn", "-Xlint:none");
        if (!compiler.getTask(null, classes, null, options, null, sources).call()) System.exit(1);
        String mainClass = classes.mainClass();
        if (mainClass == null) {
            System.err.println(arguments[1] + ": no class has a method public static void main(String[])");
            System.exit(1);
        }
        write(Path.of(arguments[0]), mainClass, classes.compiled);
    }

    private static void write(Path jar, String mainClass, Map<String, byte[]> compiled) throws IOException {
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
            // Stored: a program that is run on a hundred tests is unpacked a hundred times.
            out.setMethod(ZipOutputStream.STORED);
            add(out, "META-INF/MANIFEST.MF", manifest(mainClass));
            for (Map.Entry<String, byte[]> one : compiled.entrySet()) {
                add(out, one.getKey().replace('.', '/') + ".class", one.getValue());
            }
        }
    }

    private static byte[] manifest(String mainClass) throws IOException {
        var manifest = new java.util.jar.Manifest();
        manifest.getMainAttributes().putValue("Manifest-Version", "1.0");
        manifest.getMainAttributes().putValue("Main-Class", mainClass);
        var bytes = new java.io.ByteArrayOutputStream();
        manifest.write(bytes);
        return bytes.toByteArray();
    }

    private static void add(ZipOutputStream out, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        CRC32 sum = new CRC32();
        sum.update(content);
        entry.setCrc(sum.getValue());
        entry.setSize(content.length);
        entry.setTime(0);
        out.putNextEntry(entry);
        out.write(content);
        out.closeEntry();
    }

    /** A source that may hold a public class of any name. */
    private static final class Source extends SimpleJavaFileObject {
        private final String name;

        Source(String name) {
            super(Path.of(name).toUri(), Kind.SOURCE);
            this.name = name;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) throws IOException {
            // Not Files.readString: bytes that are no UTF-8, in a comment say, are replaced.
            return new String(Files.readAllBytes(Path.of(name)), java.nio.charset.StandardCharsets.UTF_8);
        }

        @Override
        public boolean isNameCompatible(String simpleName, Kind kind) {
            return true;
        }

        @Override
        public NestingKind getNestingKind() {
            return null;
        }

        @Override
        public Modifier getAccessLevel() {
            return null;
        }

        @Override
        public String getName() {
            return name;
        }
    }

    /** Keeps what is compiled in memory, in the order in which it is written. */
    private static final class Classes extends ForwardingJavaFileManager<JavaFileManager> {
        final Map<String, byte[]> compiled = new LinkedHashMap<>();

        Classes(JavaFileManager files) {
            super(files);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String className, JavaFileObject.Kind kind, FileObject sibling) {
            var uri = java.net.URI.create("memory:///" + className.replace('.', '/') + kind.extension);
            return new SimpleJavaFileObject(uri, kind) {
                @Override
                public OutputStream openOutputStream() {
                    return new java.io.ByteArrayOutputStream() {
                        @Override
                        public void close() {
                            compiled.put(className, toByteArray());
                        }
                    };
                }
            };
        }

        /** Return the name of the first class that can be started, or null. */
        String mainClass() {
            var loader = new ClassLoader() {
                @Override
                protected Class<?> findClass(String name) throws ClassNotFoundException {
                    byte[] code = compiled.get(name);
                    if (code == null) throw new ClassNotFoundException(name);
                    return defineClass(name, code, 0, code.length);
                }
            };
            List<String> names = new ArrayList<>(compiled.keySet());
            names.sort(java.util.Comparator.comparing(name -> name.contains("$")));
            for (String name : names) {
                try {
                    // Loaded, not initialised: nothing of the program runs here.
                    var main = Class.forName(name, false, loader).getMethod("main", String[].class);
                    if (java.lang.reflect.Modifier.isStatic(main.getModifiers()) && main.getReturnType() == void.class) {
                        return name;
                    }
                } catch (NoSuchMethodException | ClassNotFoundException | LinkageError error) {
                    continue;
                }
            }
            return null;
        }
    }
}
