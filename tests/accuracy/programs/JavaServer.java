import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URL;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;

/** The JDK's HttpServer with 70 threads, and HttpURLConnection. PORT UPSTREAM_PORT. A thread calls /up/N/after. */
public class JavaServer {
    private static String upstream;

    private static void call(String number, String what) {
        try (InputStream in = new URL(upstream + number + "/" + what).openConnection().getInputStream()) {
            in.readAllBytes();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static void serve(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String number = path.substring(path.lastIndexOf('/') + 1);
        call(number, "a");
        try {
            Thread.sleep(ThreadLocalRandom.current().nextInt(6));
        } catch (InterruptedException error) {
            return;
        }
        call(number, "b");
        exchange.sendResponseHeaders(200, number.length());
        exchange.getResponseBody().write(number.getBytes());
        exchange.close();
        new Thread(() -> call(number, "after")).start();
    }

    public static void main(String[] arguments) throws IOException {
        upstream = "http://127.0.0.1:" + arguments[1] + "/up/";
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 512);
        server.createContext("/r/", JavaServer::serve);
        server.setExecutor(Executors.newFixedThreadPool(70));
        server.start();
    }
}
