//! The demo's page: one HTML file that loads nothing but the pictures.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use super::neighbours::Neighbour;

/// A picture on the page.
pub struct Shown {
    /// How the page links to it.
    pub link: String,
    pub name: String,
    pub alt: String,
    /// None for a picture that has no features, with the reason.
    pub neighbours: Result<Vec<Neighbour>, String>,
}

/// What the page says above the pictures.
pub struct Facts {
    pub model: String,
    pub untrained: bool,
    /// Name and value.
    pub lines: Vec<(String, String)>,
    /// Pictures that the page leaves out.
    pub left_out: usize,
}

/// The page. `all` holds every picture, those first that are shown.
pub fn page(facts: &Facts, all: &[Shown], shown: usize) -> String {
    let mut html = String::with_capacity(64 << 10);
    html.push_str(HEAD);
    let _ = write!(
        html,
        "<header>\n<p class=\"mark\">wudf</p>\n<h1>Pictures and their nearest neighbours</h1>\n<p class=\"lede\">A \
         sandboxed WebAssembly plugin, <code>image-features</code>, decoded and cut each picture; {} on this machine \
         turned it into a vector of features. Beside each picture are those whose vectors are most like its own.</p>\n",
        escape(&facts.model)
    );
    if facts.untrained {
        html.push_str(
            "<p class=\"note\"><strong>Untrained weights.</strong> The network has never seen a picture: its weights are \
             random numbers from a seed. What it finds alike are colours and textures, not things. Give a trained \
             ResNet-50 with <code>--model</code>.</p>\n",
        );
    }
    html.push_str("<dl>\n");
    for (name, value) in &facts.lines {
        let _ = writeln!(
            html,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(name),
            escape(value)
        );
    }
    html.push_str("</dl>\n</header>\n<main>\n");
    for (index, picture) in all.iter().take(shown).enumerate() {
        card(&mut html, index, picture, all, shown);
    }
    html.push_str("</main>\n<footer><p>Similarity is the cosine between centred feature vectors: 1 is alike, 0 unrelated.");
    if facts.left_out > 0 {
        let _ = write!(
            html,
            " {} more pictures are in features.parquet, but not on this page.",
            facts.left_out
        );
    }
    html.push_str("</p></footer>\n</body>\n</html>\n");
    html
}

fn card(html: &mut String, index: usize, picture: &Shown, all: &[Shown], shown: usize) {
    let _ = write!(
        html,
        "<article id=\"p{index}\">\n<figure class=\"query\"><img src=\"{}\" alt=\"{}\" loading=\"lazy\"><figcaption>{}\
         </figcaption></figure>\n",
        escape(&picture.link),
        escape(&picture.alt),
        escape(&picture.name)
    );
    match &picture.neighbours {
        Err(why) => {
            let _ = writeln!(html, "<p class=\"failed\">No features: {}</p>", escape(why));
        }
        Ok(neighbours) => {
            html.push_str("<ol>\n");
            for neighbour in neighbours {
                let other = &all[neighbour.index];
                let image = format!(
                    "<img src=\"{}\" alt=\"{}\" title=\"{}\" loading=\"lazy\">",
                    escape(&other.link),
                    escape(&other.alt),
                    escape(&other.name)
                );
                let image = if neighbour.index < shown {
                    format!("<a href=\"#p{}\">{image}</a>", neighbour.index)
                } else {
                    image
                };
                // A minus sign, not a hyphen.
                let similarity = format!("{:.2}", neighbour.similarity).replace('-', "\u{2212}");
                let _ = writeln!(
                    html,
                    "<li><figure>{image}<figcaption>{similarity}</figcaption></figure></li>"
                );
            }
            html.push_str("</ol>\n");
        }
    }
    html.push_str("</article>\n");
}

/// A relative link from a folder to a file.
pub fn link(folder: &Path, file: &Path) -> String {
    let (folder, file) = (absolute(folder), absolute(file));
    let shared = folder
        .components()
        .zip(file.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = file
        .components()
        .skip(shared)
        .map(|part| percent_encode(&part.as_os_str().to_string_lossy()));
    up.chain(down).collect::<Vec<_>>().join("/")
}

fn absolute(path: &Path) -> PathBuf {
    let path = path
        .canonicalize()
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_owned());
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>wudf: pictures and their nearest neighbours</title>
<style>
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --ink: #1d1d1b; --soft: #66645e; --line: #dedbd3; --accent: #8a3b12; --wash: #f2eee4;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #16171a; --ink: #e9e7e1; --soft: #9d9a92; --line: #33343a; --accent: #f0a36b; --wash: #202126; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0 auto; padding: 3.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 76rem;
  background: var(--paper); color: var(--ink);
  font: 1.05rem/1.55 Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif;
}
.mark { margin: 0; color: var(--accent); font-weight: 600; letter-spacing: .12em; font-variant-caps: all-small-caps; }
h1 { margin: .2rem 0 1rem; font-size: clamp(1.8rem, 4vw, 2.7rem); line-height: 1.12; font-weight: 500; text-wrap: balance; }
.lede, .note { max-width: 42rem; text-wrap: pretty; }
.note { padding: .7rem 1rem; background: var(--wash); border-left: 3px solid var(--accent); font-size: .97rem; }
code { white-space: nowrap; font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1.8rem 0 0; padding: 1rem 0; border-block: 1px solid var(--line); }
dt { color: var(--soft); font-size: .82rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
article {
  display: grid; grid-template-columns: minmax(11rem, 15rem) 1fr; gap: 1rem clamp(1rem, 3vw, 2.5rem);
  padding: 1.6rem 0; border-bottom: 1px solid var(--line); align-items: start; scroll-margin-top: 1rem;
}
article:target .query img { outline: 3px solid var(--accent); outline-offset: 3px; }
figure { margin: 0; }
img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; background: var(--wash); border-radius: 2px; }
figcaption { margin-top: .35rem; font-size: .85rem; color: var(--soft); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.query figcaption { color: var(--ink); font-size: .95rem; }
ol { display: grid; grid-template-columns: repeat(5, 1fr); gap: .8rem; margin: 0; padding: 0; list-style: none; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; display: block; }
.failed { margin: 0; color: var(--accent); }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 44rem) {
  article { grid-template-columns: 1fr; }
  ol { gap: .5rem; }
}
</style>
</head>
<body>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_and_encoded() {
        let folder = tempfile::tempdir().unwrap();
        let (out, photos) = (folder.path().join("out"), folder.path().join("my photos"));
        std::fs::create_dir_all(&out).unwrap();
        std::fs::create_dir_all(&photos).unwrap();
        std::fs::write(photos.join("a&b #1.jpg"), "").unwrap();
        assert_eq!(
            link(&out, &photos.join("a&b #1.jpg")),
            "../my%20photos/a%26b%20%231.jpg"
        );
    }

    #[test]
    fn names_cannot_break_the_page() {
        let picture = Shown {
            link: "a.jpg".into(),
            name: "<script>".into(),
            alt: "\"quoted\"".into(),
            neighbours: Err("a < b".into()),
        };
        let facts = Facts {
            model: "ResNet-50".into(),
            untrained: true,
            lines: vec![("Rate".into(), "1".into())],
            left_out: 0,
        };
        let html = page(&facts, &[picture], 1);
        assert!(
            !html.contains("<script>")
                && html.contains("alt=\"&quot;quoted&quot;\"")
                && html.contains("a &lt; b")
        );
        assert!(html.contains("Untrained weights"));
    }
}
