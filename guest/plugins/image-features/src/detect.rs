//! From a detector's numbers to boxes.

use wudf_guest::Enum;

/// How a detector writes its boxes: a matrix for each picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Head {
    /// YOLOv8 and later: rows are the middle, width and height of boxes, and then classes; a column is a box.
    #[value(name = "yolov8")]
    Yolov8,
    /// YOLOv5 and v7: a row is a box: its middle, width and height, whether there is something, and the classes of it.
    #[value(name = "yolov5")]
    Yolov5,
    /// YOLOv10, and others that were exported with non-maximum suppression: a row is a box: its left, top, right and bottom, its
    /// score and its class.
    #[value(name = "end-to-end")]
    EndToEnd,
}

/// A box that a detector has found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The number of its class.
    pub class: usize,
    /// How sure the detector is.
    pub score: f32,
    /// Left, top, right and bottom.
    pub sides: [f32; 4],
}

/// Which boxes count.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Boxes with lower scores do not.
    pub threshold: f32,
    /// Of two boxes of one class that share more of their area than this, the one with the lower score does not.
    pub overlap: f32,
    /// So many at most, those with the highest scores.
    pub most: usize,
}

/// The boxes of a matrix, in the detector's pixels, the highest score first.
///
/// # Errors
/// If the matrix is not one of this head.
pub fn found(
    head: Head,
    dimensions: &[u32],
    numbers: &[f32],
    choice: &Choice,
) -> Result<Vec<Found>, String> {
    let &[1, rows, columns] = dimensions else {
        return Err(format!(
            "the model gives numbers of {dimensions:?}, and boxes are a matrix for each picture"
        ));
    };
    let (rows, columns) = (rows as usize, columns as usize);
    let least = match head {
        Head::Yolov8 => (5, 0),
        Head::Yolov5 | Head::EndToEnd => (0, 6),
    };
    if numbers.len() != rows * columns || rows < least.0 || columns < least.1 {
        return Err(format!(
            "the model's output has the shape {dimensions:?}, which does not match `head`"
        ));
    }
    let at = |row: usize, column: usize| numbers[row * columns + column];
    let mut all: Vec<Found> = match head {
        Head::Yolov8 => (0..columns)
            .filter_map(|column| {
                let (class, score) = best((4..rows).map(|row| at(row, column)))?;
                Some(Found {
                    class,
                    score,
                    sides: around([0, 1, 2, 3].map(|row| at(row, column))),
                })
            })
            .collect(),
        Head::Yolov5 => (0..rows)
            .filter_map(|row| {
                let (class, score) = best((5..columns).map(|column| at(row, column)))?;
                Some(Found {
                    class,
                    score: score * at(row, 4),
                    sides: around([0, 1, 2, 3].map(|column| at(row, column))),
                })
            })
            .collect(),
        Head::EndToEnd => (0..rows)
            .map(|row| Found {
                class: at(row, 5) as usize,
                score: at(row, 4),
                sides: [0, 1, 2, 3].map(|column| at(row, column)),
            })
            .collect(),
    };
    // Neither those without a number for a score.
    all.retain(|found| found.score >= choice.threshold);
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(match head {
        Head::EndToEnd => all.into_iter().take(choice.most).collect(),
        _ => suppressed(&all, choice),
    })
}

/// The highest of the scores, and its place; the first of equal ones.
fn best(scores: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    scores
        .enumerate()
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// From the middle, width and height to the sides.
fn around([x, y, width, height]: [f32; 4]) -> [f32; 4] {
    let (half_width, half_height) = (width / 2.0, height / 2.0);
    [
        x - half_width,
        y - half_height,
        x + half_width,
        y + half_height,
    ]
}

/// Non-maximum suppression within each class, as torchvision's `batched_nms`. `sorted` has the highest score first.
fn suppressed(sorted: &[Found], choice: &Choice) -> Vec<Found> {
    let mut kept: Vec<Found> = Vec::new();
    for found in sorted {
        if kept.len() == choice.most {
            break;
        }
        let hides = |other: &Found| {
            other.class == found.class && overlap(other.sides, found.sides) > choice.overlap
        };
        if !kept.iter().any(hides) {
            kept.push(*found);
        }
    }
    kept
}

/// What two boxes share, of what they cover together.
fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left) * (bottom - top);
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let shared = width * height;
    shared / (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOICE: Choice = Choice {
        threshold: 0.25,
        overlap: 0.5,
        most: 10,
    };

    #[test]
    fn heads_say_the_same() {
        let expected = Found {
            class: 1,
            score: 0.5,
            sides: [2.0, 1.0, 6.0, 7.0],
        };
        // A box, and one that is not sure enough.
        let columns = [4., 9., 4., 9., 4., 1., 6., 1., 0.25, 0.1, 0.5, 0.2];
        let v8 = found(Head::Yolov8, &[1, 6, 2], &columns, &CHOICE);
        assert_eq!(v8, Ok(vec![expected]));
        let rows = [4., 4., 4., 6., 0.5, 0.5, 1., 9., 9., 1., 1., 0.1, 1., 1.];
        let v5 = found(Head::Yolov5, &[1, 2, 7], &rows, &CHOICE);
        assert_eq!(v5, Ok(vec![expected]));
        let rows = [2., 1., 6., 7., 0.5, 1., 9., 9., 9., 9., 0.1, 0.];
        let v10 = found(Head::EndToEnd, &[1, 2, 6], &rows, &CHOICE);
        assert_eq!(v10, Ok(vec![expected]));
    }

    #[test]
    fn the_same_thing_is_found_once() {
        let of = |class, score, left| Found {
            class,
            score,
            sides: [left, 0.0, left + 10.0, 10.0],
        };
        let sorted = [
            of(0, 0.9, 0.0),
            of(1, 0.8, 1.0),
            of(0, 0.7, 2.0),
            of(0, 0.6, 5.0),
        ];
        // The third shares 8 of 12 columns with the first, the last 5 of 15.
        let expected = vec![sorted[0], sorted[1], sorted[3]];
        assert_eq!(suppressed(&sorted, &CHOICE), expected);
        let most = Choice { most: 2, ..CHOICE };
        assert_eq!(suppressed(&sorted, &most), expected[..2]);
    }

    #[test]
    fn other_matrices_are_refused() {
        for (head, dimensions, count) in [
            (Head::Yolov8, &[1, 4, 10][..], 40),
            (Head::Yolov5, &[1, 10, 5], 50),
            (Head::EndToEnd, &[10, 6], 60),
            (Head::Yolov8, &[2, 6, 10], 120),
            (Head::Yolov8, &[1, 6, 10], 59),
        ] {
            let numbers = vec![0.0; count];
            found(head, dimensions, &numbers, &CHOICE).expect_err("no boxes");
        }
    }
}
