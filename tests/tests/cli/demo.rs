//! The demo, up to its page in a browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wudf_test_support::skipped;
use wudf_tests::program::{names_in, wudf};
use wudf_tests::tables::{read_parquet, texts, vectors};

use super::{folder, run, write};

#[test]
fn the_demo_makes_features_and_a_page() {
    let folder = folder();
    let ran = wudf(
        folder.path(),
        ["demo", "--out", "demo", "--backend", "rten"],
    )
    .run()
    .ends_with(0);
    let out = folder.path().join("demo");
    assert_eq!(
        names_in(&out),
        ["features.parquet", "index.html", "pictures"]
    );
    let pictures = names_in(&out.join("pictures"));
    assert_eq!(pictures.len(), 24);
    let said = ran.text();
    for wanted in [
        "24 pictures in ",
        "the model",
        "features.parquet",
        "index.html",
        "ntrained weights",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }

    let features = read_parquet(&out.join("features.parquet"));
    let vectors = vectors(&features, "image_features");
    assert_eq!(vectors.len(), 24);
    assert!(
        vectors
            .iter()
            .all(|vector| vector.as_ref().is_some_and(|vector| vector.len() == 2048))
    );
    assert!(texts(&features, "error").iter().all(Option::is_none));

    let page = fs::read_to_string(out.join("index.html")).unwrap();
    // Each picture, and five neighbours that are not itself.
    let articles: Vec<&str> = page.split("<article").skip(1).collect();
    assert_eq!(articles.len(), 24);
    let mut shown = BTreeSet::new();
    for article in articles {
        let links: Vec<&str> = article
            .split("src=\"pictures/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        let different: BTreeSet<&str> = links.iter().copied().collect();
        assert_eq!((links.len(), different.len()), (6, 6), "{links:?}");
        assert!(
            links
                .iter()
                .all(|link| pictures.contains(&(*link).to_owned())),
            "{links:?}"
        );
        shown.insert(links[0].to_owned());
    }
    assert_eq!(shown.into_iter().collect::<Vec<_>>(), pictures);
    for foreign in [
        "http://", "https://", "src=\"//", "url(", "<script", "@import",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    in_a_browser(&out, &page);
}

#[test]
fn the_demo_takes_pictures_that_are_given() {
    let folder = folder();
    let photos = folder.path().join("my photos");
    fs::create_dir(&photos).unwrap();
    for (name, bytes) in wudf_tests::pictures::samples() {
        fs::write(photos.join(format!("{name} & <b>#1")), bytes).unwrap();
    }
    fs::write(photos.join("notes.txt"), "no picture").unwrap();
    let words = [
        "demo",
        "--photos",
        "my photos",
        "--out",
        "demo",
        "--backend",
        "rten",
        "--model",
        "seeded:tiny",
    ];
    let ran = wudf(folder.path(), words).run().ends_with(1);
    assert!(ran.text().contains("1 failed"), "{}", ran.text());
    let page = fs::read_to_string(folder.path().join("demo/index.html")).unwrap();
    assert_eq!(page.matches("<article").count(), 7);
    assert_eq!(page.matches("No features: ").count(), 1);
    assert!(page.contains("src=\"../my%20photos/"), "links are relative");
    assert!(!page.contains("<b>"));

    write(&folder, "file", "");
    run(&folder, "demo --out file").ends_with(3);
    fs::create_dir(folder.path().join("empty")).unwrap();
    run(&folder, "demo --photos empty --out nothing").ends_with(3);
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Loads a copy of the page, which tells of itself what it sees.
fn in_a_browser(out: &std::path::Path, page: &str) {
    const TELL: &str = r#"<script>
addEventListener("load", () => {
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  const tell = () => {
    if (images.some(image => !image.complete)) return setTimeout(tell, 50);
    const loaded = images.filter(image => image.naturalWidth > 0).length;
    const asked = performance.getEntriesByType("resource").map(entry => entry.name);
    const named = [...document.querySelectorAll("[src],[href]")].map(element => element.src || element.href);
    const away = [...asked, ...named].filter(name => !name.startsWith("file:")).length;
    const wide = document.documentElement.scrollWidth > innerWidth;
    document.title = `images=${images.length} loaded=${loaded} away=${away} wide=${wide}`;
  };
  tell();
});
</script></body>"#;
    let Some(browser) = browser() else {
        skipped("there is no chromium on the PATH: the demo's page is not opened in a browser");
        return;
    };
    let copy = out.join("copy.html");
    fs::write(&copy, page.replace("</body>", TELL)).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let said = out.join("dom.html");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--virtual-time-budget=20000",
            "--window-size=390,800",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", copy.display()))
        .stdout(fs::File::create(&said).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(90) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the browser does not end");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let dom = fs::read_to_string(&said).unwrap();
    let title = dom
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    assert_eq!(title, Some("images=144 loaded=144 away=0 wide=false"));
}
