import java.io.PrintWriter;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.AppendFiles;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericAppenderFactory;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.InternalRecordWrapper;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.deletes.EqualityDeleteWriter;
import org.apache.iceberg.deletes.PositionDelete;
import org.apache.iceberg.deletes.PositionDeleteWriter;
import org.apache.iceberg.expressions.Expression;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.OutputFileFactory;
import org.apache.iceberg.io.PartitionedFanoutWriter;
import org.apache.iceberg.io.TaskWriter;
import org.apache.iceberg.io.UnpartitionedWriter;
import org.apache.iceberg.jdbc.JdbcCatalog;
import org.apache.iceberg.types.Types;

/**
 * Iceberg's own Java library as one of the programs that share a catalog.
 * {@code JavaPeer <jdbc uri> <warehouse> <command> <table> …}
 */
public class JavaPeer {
  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS");

  private static final Schema SCHEMA =
      new Schema(
          Types.NestedField.optional(1, "id", Types.LongType.get()),
          Types.NestedField.optional(2, "name", Types.StringType.get()),
          Types.NestedField.optional(3, "region", Types.StringType.get()),
          Types.NestedField.optional(4, "price", Types.DecimalType.of(10, 2)),
          Types.NestedField.optional(5, "ratio", Types.DoubleType.get()),
          Types.NestedField.optional(6, "ok", Types.BooleanType.get()),
          Types.NestedField.optional(7, "day", Types.DateType.get()),
          Types.NestedField.optional(8, "ts", Types.TimestampType.withoutZone()),
          Types.NestedField.optional(9, "zoned", Types.TimestampType.withZone()));

  public static void main(String[] args) throws Exception {
    try (JdbcCatalog catalog = new JdbcCatalog()) {
      catalog.setConf(new Configuration());
      Map<String, String> properties = new HashMap<>();
      properties.put("uri", args[0]);
      properties.put("warehouse", args[1]);
      properties.put("jdbc.schema-version", "V1");
      properties.put("io-impl", "org.apache.iceberg.hadoop.HadoopFileIO");
      catalog.initialize("atlas", properties);
      TableIdentifier name = TableIdentifier.parse(args[3]);
      switch (args[2]) {
        case "create" -> create(catalog, name, args[4].equals("partitioned"));
        case "append" -> append(catalog, name, number(args[4]), number(args[5]), number(args[6]));
        case "read" -> read(catalog.loadTable(name), args[4], args.length > 5 ? args[5] : null);
        case "delete" -> delete(catalog.loadTable(name), number(args[4]), number(args[5]));
        case "rename" ->
            catalog.loadTable(name).updateSchema().renameColumn(args[4], args[5]).commit();
        default -> throw new IllegalArgumentException(args[2]);
      }
    }
  }

  private static void create(JdbcCatalog catalog, TableIdentifier name, boolean isPartitioned) {
    if (!catalog.namespaceExists(name.namespace())) {
      catalog.createNamespace(name.namespace());
    }
    PartitionSpec spec =
        isPartitioned
            ? PartitionSpec.builderFor(SCHEMA).identity("region").day("ts").bucket("id", 4).build()
            : PartitionSpec.unpartitioned();
    catalog.createTable(name, SCHEMA, spec);
  }

  /** Appends {@code times} times; a commit that lost a race is made again by Iceberg itself. */
  private static void append(
      JdbcCatalog catalog, TableIdentifier name, int first, int count, int times) throws Exception {
    Table table = catalog.loadTable(name);
    for (int time = 0; time < times; time++) {
      AppendFiles append = table.newAppend();
      for (DataFile file : write(table, first + time * count, count)) {
        append.appendFile(file);
      }
      append.commit();
    }
  }

  private static DataFile[] write(Table table, int first, int count) throws Exception {
    PartitionSpec spec = table.spec();
    GenericAppenderFactory appenders = new GenericAppenderFactory(table.schema(), spec);
    OutputFileFactory files =
        OutputFileFactory.builderFor(table, 1, System.nanoTime()).format(FileFormat.PARQUET).build();
    long size = 1L << 27;
    TaskWriter<Record> writer =
        spec.isUnpartitioned()
            ? new UnpartitionedWriter<>(
                spec, FileFormat.PARQUET, appenders, files, table.io(), size)
            : new Fanout(table, appenders, files, size);
    try (writer) {
      for (int i = first; i < first + count; i++) {
        writer.write(row(table.schema(), i));
      }
      return writer.dataFiles();
    }
  }

  private static class Fanout extends PartitionedFanoutWriter<Record> {
    private final PartitionKey key;
    private final InternalRecordWrapper wrapper;

    Fanout(Table table, GenericAppenderFactory appenders, OutputFileFactory files, long size) {
      super(table.spec(), FileFormat.PARQUET, appenders, files, table.io(), size);
      this.key = new PartitionKey(table.spec(), table.schema());
      this.wrapper = new InternalRecordWrapper(table.schema().asStruct());
    }

    @Override
    protected PartitionKey partition(Record row) {
      key.partition(wrapper.wrap(row));
      return key;
    }
  }

  /** The row of a number: what {@code javaRowsSql} of java_checks.ts makes of it too. */
  private static Record row(Schema schema, int i) {
    LocalDateTime at = LocalDateTime.of(2026, 1, 1, 12, 30, 0, 123_456_000).plusHours(i);
    Map<String, Object> values = new HashMap<>();
    values.put("id", (long) i);
    values.put("name", i % 7 == 6 ? null : "näme " + i + " '\"");
    values.put("region", List.of("north", "south", "a/b c").get(i % 3));
    values.put("price", i % 7 == 6 ? null : BigDecimal.valueOf(i * 7L - 50, 2));
    values.put("ratio", i * 0.5);
    values.put("ok", i % 2 == 0);
    values.put("day", LocalDate.of(2026, 1, 1).plusDays(i % 40));
    values.put("ts", at);
    values.put("zoned", at.atOffset(ZoneOffset.UTC));
    Record row = GenericRecord.create(schema);
    for (Types.NestedField field : schema.columns()) {
      row.setField(field.name(), values.get(field.name()));
    }
    return row;
  }

  /** Writes all rows, or those of an id from a range {@code 10-20}, as tab-separated texts. */
  private static void read(Table table, String to, String range) throws Exception {
    IcebergGenerics.ScanBuilder scan = IcebergGenerics.read(table);
    if (range != null) {
      String[] ends = range.split("-");
      Expression filter =
          Expressions.and(
              Expressions.greaterThanOrEqual("id", Long.parseLong(ends[0])),
              Expressions.lessThan("id", Long.parseLong(ends[1])));
      scan = scan.where(filter);
    }
    try (CloseableIterable<Record> rows = scan.build();
        PrintWriter out = new PrintWriter(to, "UTF-8")) {
      for (Record row : rows) {
        List<String> texts = new ArrayList<>();
        // Behind the table's columns come some that deletes are applied by.
        for (int i = 0; i < table.schema().columns().size(); i++) {
          texts.add(text(row.get(i)));
        }
        out.println(String.join("\t", texts));
      }
    }
  }

  private static String text(Object value) {
    if (value == null) {
      return "NULL";
    }
    if (value instanceof LocalDateTime at) {
      return MICROS.format(at);
    }
    if (value instanceof OffsetDateTime at) {
      return MICROS.format(at.withOffsetSameInstant(ZoneOffset.UTC));
    }
    return value instanceof BigDecimal number ? number.toPlainString() : value.toString();
  }

  /** Deletes an id by its value, and the first row of the first data file by its position. */
  private static void delete(Table table, int id, int position) throws Exception {
    Schema key = table.schema().select("id");
    GenericAppenderFactory writers =
        new GenericAppenderFactory(
            table.schema(), table.spec(), new int[] {key.findField("id").fieldId()}, key, null);
    OutputFileFactory files =
        OutputFileFactory.builderFor(table, 1, System.nanoTime()).format(FileFormat.PARQUET).build();
    EqualityDeleteWriter<Record> equal =
        writers.newEqDeleteWriter(files.newOutputFile(), FileFormat.PARQUET, null);
    try (equal) {
      Record record = GenericRecord.create(key);
      record.setField("id", (long) id);
      equal.write(record);
    }
    DataFile first = table.newScan().planFiles().iterator().next().file();
    PositionDeleteWriter<Record> positions =
        writers.newPosDeleteWriter(files.newOutputFile(), FileFormat.PARQUET, null);
    try (positions) {
      PositionDelete<Record> delete = PositionDelete.create();
      positions.write(delete.set(first.location(), position, null));
    }
    table
        .newRowDelta()
        .addDeletes(equal.toDeleteFile())
        .addDeletes(positions.toDeleteFile())
        .commit();
  }

  private static int number(String text) {
    return Integer.parseInt(text);
  }
}
