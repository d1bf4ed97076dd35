//! A function for each type of `tests/types.txt`, which gives back what it is
//! given.

use super::bindings::wudf::plugin::arrow::{Field, Schema};

const TABLE: &str = include_str!("../../../types.txt");

/// The functions' names and types.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Schema)> {
    TABLE.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| *name != "#")?;
        let mut schema = Schema::new();
        push("x", true, words.next()?, &mut schema);
        Some((name, schema))
    })
}

/// Adds a type and what is in it: `FORMAT` or `FORMAT{name=TYPE;name=TYPE}`.
fn push(name: &str, nullable: bool, ty: &str, schema: &mut Schema) {
    let (format, inside) = match ty.split_once('{') {
        Some((format, rest)) => (format, rest.strip_suffix('}').unwrap_or(rest)),
        None => (ty, ""),
    };
    let at = schema.len();
    schema.push(Field {
        name: name.to_owned(),
        format: format.to_owned(),
        nullable,
        children: 0,
        metadata: Vec::new(),
    });
    for child in children(inside) {
        let (name, ty) = child.split_once('=').unwrap_or((child, ""));
        schema[at].children += 1;
        let nullable = !name.ends_with('!');
        push(name.trim_end_matches('!'), nullable, ty, schema);
    }
}

/// The parts between semicolons that are in no inner braces.
fn children(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}
