//! Plugins' functions inside engines and other languages: the same rows and the same failures in each, reported as the engine
//! reports its own, and the same bits from all of them.

mod c;
mod capi;
mod datafusion;
mod pipe;
mod rows;
mod same;
mod sql;
mod types;

/// The exit status of the Python drivers where the engine is not installed.
const NOT_HERE: i32 = 77;

/// Whether `spark_cluster.py` could not start a cluster for want of Spark or Java.
fn lacks_spark(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    said.starts_with("pyspark is not installed")
        || said.starts_with("Spark needs Java, which is not installed")
}
