//! `wudf sql` and `wudf pipe`, word for word.

use tempfile::TempDir;
use wudf_tests::program::{Ran, wudf};

use super::golden::check;
use super::{folder, write};

fn sql(folder: &TempDir, words: &[&str]) -> Ran {
    wudf(folder.path(), ["sql"].iter().chain(words)).run()
}

fn check_all(name: &str, folder: &TempDir, runs: &[&[&str]], status: i32) {
    let runs = runs.iter().map(|words| {
        let ran = sql(folder, words).ends_with(status);
        if status != 0 {
            assert_eq!(ran.text(), "", "{words:?}: errors go to stderr");
        }
        ran.transcript()
    });
    check(name, &runs.collect::<Vec<_>>().join("\n"));
}

fn tables() -> TempDir {
    let folder = folder();
    write(
        &folder,
        "a.csv",
        "n,url\n1,https://a.example/x\n13,\n3,http://b.example\n",
    );
    folder
}

const DOMAIN: &str =
    "CREATE FUNCTION domain(url TEXT) RETURNS TEXT LANGUAGE wasm AS 'kit.wasm:domain';
SELECT n, domain(url) AS site FROM 'a.csv' ORDER BY n";

#[test]
fn results() {
    let folder = tables();
    let record = "CREATE FUNCTION f(x BIGINT) LANGUAGE wasm AS 'kit.wasm:fails?on_error=record';
SELECT n, f(n) AS f FROM 'a.csv' ORDER BY n";
    let two = "SELECT 1 AS one; SELECT 'a' AS letter WHERE false";
    let runs: [&[&str]; 10] = [
        &[DOMAIN],
        &[DOMAIN, "--format", "csv"],
        &[DOMAIN, "--format", "tsv"],
        &[DOMAIN, "--format", "ndjson"],
        &[DOMAIN, "--format", "json"],
        &[DOMAIN, "-o", "sites.parquet"],
        &[
            "SELECT * FROM 'sites.parquet' WHERE site IS NULL",
            "--quiet",
        ],
        &[record],
        &[two],
        &["DESCRIBE 'a.csv'"],
    ];
    check_all("sql_results", &folder, &runs, 0);
}

#[test]
fn errors() {
    let folder = tables();
    write(&folder, "empty.sql", "-- nothing\n");
    std::fs::create_dir(folder.path().join("nothing")).unwrap();
    let function = |body: &str| {
        format!(
            "CREATE FUNCTION f(x BIGINT) RETURNS BIGINT LANGUAGE wasm AS 'kit.wasm:{body}'; SELECT f(n) FROM 'a.csv'"
        )
    };
    let (fails, gone, option) = (
        function("fails"),
        function("gone"),
        function("add_one?layer=1"),
    );
    let wrong = "CREATE FUNCTION f(x TEXT) LANGUAGE wasm AS 'kit.wasm:add_one'";
    let call = "CREATE FUNCTION f(x BIGINT) LANGUAGE wasm AS 'kit.wasm:add_one'; SELECT f(url) FROM 'a.csv'";
    let model = "CREATE FUNCTION f(image BYTEA) LANGUAGE wasm AS 'image-features'";
    let runs: [&[&str]; 19] = [
        &["SELECT"],
        &["SELECT lenght(1)"],
        &["SELECT a FROM 'a.csv'"],
        &["SELECT * FROM 'gone.csv'"],
        &["SELECT * FROM 'nothing/'"],
        &["SELECT * FROM gone"],
        &[&fails],
        &[&gone],
        &[&option],
        &[wrong],
        &[call],
        &[model],
        &["CREATE FUNCTION f(x BIGINT) LANGUAGE perl AS 'x'"],
        &["DROP FUNCTION gone"],
        &["SELECT 1; SELECT 2", "-o", "out.csv"],
        &["SELECT 1", "-o", "out.xlsx"],
        &["SELECT 1", "-o", "gone/out.csv"],
        &["--file", "empty.sql"],
        &["SELECT 1", "--model", "resnet50"],
    ];
    check_all("sql_errors", &folder, &runs, 3);
    let runs: [&[&str]; 3] = [
        &["SELECT 1", "--file", "empty.sql"],
        &["SELECT 1", "--format", "xlsx"],
        &["SELECT 1", "--threads", "0"],
    ];
    check_all("sql_command_lines", &folder, &runs, 2);
}
