//! From the names that plugins ask for to tensors of the graph.

use wudf::nn::{Error, ErrorKind};

use super::Graph;

/// The alias of what the final fully connected layer takes: the embedding of
/// an image network, 2,048 numbers in ResNet-50.
pub const FEATURES: &str = "features";
/// The alias of the graph's first output.
pub const LOGITS: &str = "logits";

/// Operators that a graph may have between its last layer and its output, and
/// that are looked through when that layer is searched.
const TAIL: [&str; 9] = [
    "Cast",
    "Dropout",
    "Flatten",
    "Identity",
    "LogSoftmax",
    "Reshape",
    "Sigmoid",
    "Softmax",
    "Squeeze",
];

impl Graph {
    /// The tensors that `names` stand for, in this order; the graph's own
    /// outputs when there are no names.
    ///
    /// A name is a tensor's in the graph; failing that, [`FEATURES`] or
    /// [`LOGITS`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the graph has no such tensor, with the
    /// names that come nearest.
    pub fn resolve(&self, names: &[String]) -> Result<Vec<String>, Error> {
        if names.is_empty() {
            return Ok(self.outputs().map(str::to_owned).collect());
        }
        names
            .iter()
            .map(|name| self.resolve_one(name).map(str::to_owned))
            .collect()
    }

    fn resolve_one<'a>(&'a self, name: &'a str) -> Result<&'a str, Error> {
        if self.producers.contains_key(name) || self.outputs().any(|output| output == name) {
            return Ok(name);
        }
        let first = self.outputs().next().unwrap_or_default();
        match name {
            LOGITS => Ok(first),
            FEATURES => self.features().ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "the model has no `{FEATURES}`: its first output, `{first}`, does not come from a fully \
                         connected layer; ask for a tensor of the graph by its name{}",
                        list(self.last_tensors(3))
                    ),
                )
            }),
            _ => Err(Error::new(
                ErrorKind::NotFound,
                format!("the model has no tensor `{name}`{}", list(self.nearest(name, 3))),
            )),
        }
    }

    /// What the fully connected layer takes that makes the first output.
    fn features(&self) -> Option<&str> {
        let mut tensor = self.outputs().next()?;
        // A broken graph may go in circles.
        for _ in 0..=self.nodes.len() {
            let node = &self.nodes[*self.producers.get(tensor)?];
            let input = |n: usize| node.inputs.get(n).map(String::as_str);
            let computed = |n: usize| input(n).filter(|name| !self.weights.contains(*name));
            tensor = match node.op.as_str() {
                "Gemm" | "MatMul" => match (computed(0), computed(1)) {
                    (Some(features), None) | (None, Some(features)) => return Some(features),
                    // Two computed matrices: attention, not a layer. With
                    // weights that a graph computes, the input comes first.
                    _ => return (node.op == "Gemm").then(|| computed(0)).flatten(),
                },
                // The bias of a layer that was written as MatMul and Add.
                "Add" => match (computed(0), computed(1)) {
                    (Some(sum), None) | (None, Some(sum)) => sum,
                    _ => return None,
                },
                op if TAIL.contains(&op) => input(0)?,
                _ => return None,
            };
        }
        None
    }

    fn last_tensors(&self, n: usize) -> Vec<&str> {
        let tensors: Vec<_> = self.tensors().collect();
        tensors[tensors.len().saturating_sub(n)..].to_vec()
    }

    /// The tensors whose names come nearest to `name`.
    fn nearest(&self, name: &str, n: usize) -> Vec<&str> {
        let wanted = name.to_lowercase();
        let mut near: Vec<(usize, &str)> = self
            .tensors()
            .map(|tensor| {
                let have = tensor.to_lowercase();
                let within = !wanted.is_empty() && have.contains(&wanted);
                (
                    if within {
                        0
                    } else {
                        edit_distance(&wanted, &have)
                    },
                    tensor,
                )
            })
            .collect();
        near.sort_by_key(|(distance, _)| *distance);
        near.truncate(n);
        near.into_iter().map(|(_, tensor)| tensor).collect()
    }
}

fn list(names: Vec<&str>) -> String {
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(", for example `{one}`"),
        names => format!(", for example `{}`", names.join("`, `")),
    }
}

/// Levenshtein's distance, over at most the first 100 letters of each name.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(100).collect(), b.chars().take(100).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (corner + usize::from(x != y))
                .min(row[j] + 1)
                .min(above + 1);
            corner = above;
        }
    }
    row[b.len()]
}
