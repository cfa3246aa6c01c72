// tries: names that the compiler could take for a processor, options or other files
// compile: any
// compile_s: 20
// compile_mb: 1024
// cpu_s: 4
// wall_s: 20
// memory_mb: 256
// beside: javac.java public class javac { static { System.out.println("beside"); } }
@javax.annotation.processing.SupportedAnnotationTypes("*")
public class Main extends javax.annotation.processing.AbstractProcessor {
    static {
        if (System.getProperty("jdk.module.main", "").contains("compiler"))
            System.out.println("ESCAPED runs in the compiler");
    }

    public boolean process(java.util.Set<? extends javax.lang.model.element.TypeElement> types,
                           javax.annotation.processing.RoundEnvironment round) {
        System.out.println("ESCAPED runs in the compiler");
        return true;
    }

    public static void main(String[] arguments) {
        System.out.println("CONTAINED");
    }
}
