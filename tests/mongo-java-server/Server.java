// tests/mongo-java-server/Server.java PORT: MongoDB's protocol on that port of loopback, with everything in memory.

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DatabaseResolver;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.util.List;

public class Server {
  // As it comes, an insert's answer counts also the documents that were refused; MongoDB's does not.
  static class Database extends MemoryDatabase {
    Database(String name, CursorRegistry cursors) {
      super(name, cursors);
    }

    @Override
    public Document handleCommand(Channel channel, String command, Document query, DatabaseResolver databases, Oplog oplog) {
      Document answer = super.handleCommand(channel, command, query, databases, oplog);
      if (command.equalsIgnoreCase("insert") && answer.get("writeErrors") instanceof List<?> errors)
        answer.put("n", ((List<?>) query.get("documents")).size() - errors.size());
      return answer;
    }
  }

  static class Backend extends MemoryBackend {
    @Override
    public MemoryDatabase openOrCreateDatabase(String name) {
      return new Database(name, getCursorRegistry());
    }
  }

  public static void main(String[] arguments) throws Exception {
    MongoServer server = new MongoServer(new Backend().version(ServerVersion.MONGO_5_0));
    server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
    Thread.currentThread().join();
  }
}
