//! Nearest neighbours by cosine similarity.

/// Feature vectors of one length, centred and normalised.
pub struct Space {
    width: usize,
    values: Vec<f32>,
}

/// A neighbour and how similar it is, from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub index: usize,
    pub similarity: f32,
}

impl Space {
    /// A space of vectors. The mean is taken away first: features all lie in one direction, those of an untrained network
    /// above all, and what tells pictures apart is the rest.
    pub fn new(vectors: &[Vec<f32>]) -> Self {
        let width = vectors.first().map_or(0, Vec::len);
        let mut mean = vec![0.0f64; width];
        for vector in vectors {
            mean.iter_mut()
                .zip(vector)
                .for_each(|(m, &v)| *m += f64::from(v) / vectors.len() as f64);
        }
        let mut values = Vec::with_capacity(width * vectors.len());
        for vector in vectors {
            let centred: Vec<f64> = mean
                .iter()
                .zip(vector)
                .map(|(m, &v)| f64::from(v) - m)
                .collect();
            let norm = centred
                .iter()
                .map(|v| v * v)
                .sum::<f64>()
                .sqrt()
                .max(f64::MIN_POSITIVE);
            values.extend(centred.iter().map(|v| (v / norm) as f32));
        }
        Self { width, values }
    }

    /// The `count` vectors most like one, the nearest first.
    pub fn nearest(&self, index: usize, count: usize) -> Vec<Neighbour> {
        if self.width == 0 {
            return Vec::new();
        }
        let one = &self.values[index * self.width..][..self.width];
        let others = self
            .values
            .chunks_exact(self.width)
            .enumerate()
            .filter(|(other, _)| *other != index);
        let mut neighbours: Vec<Neighbour> = others
            .map(|(index, other)| Neighbour {
                index,
                similarity: dot(one, other),
            })
            .collect();
        neighbours.sort_by(|a, b| {
            b.similarity
                .total_cmp(&a.similarity)
                .then(a.index.cmp(&b.index))
        });
        neighbours.truncate(count);
        neighbours
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums at once, which the compiler makes vectors of.
    let mut sums = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8
        .remainder()
        .iter()
        .zip(b8.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a8.zip(b8) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vectors_share_does_not_count() {
        // A large part in common; the small rest makes two pairs.
        let vectors: Vec<Vec<f32>> = vec![
            vec![100.0, 1.0, 0.0],
            vec![100.0, 0.9, 0.1],
            vec![100.0, -1.0, 0.0],
            vec![100.0, -0.9, -0.1],
        ];
        let space = Space::new(&vectors);
        let nearest = space.nearest(0, 3);
        assert_eq!(
            nearest.iter().map(|n| n.index).collect::<Vec<_>>(),
            [1, 3, 2]
        );
        assert!(nearest[0].similarity > 0.9 && nearest[2].similarity < -0.9);
        assert_eq!(space.nearest(2, 1)[0].index, 3);
    }

    #[test]
    fn equal_vectors_are_no_trouble() {
        let space = Space::new(&[vec![1.0; 9], vec![1.0; 9]]);
        assert_eq!(
            space.nearest(0, 5),
            [Neighbour {
                index: 1,
                similarity: 0.0
            }]
        );
        assert!(Space::new(&[vec![], vec![]]).nearest(0, 5).is_empty());
    }
}
