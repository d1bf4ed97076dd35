//! A chunk of a plain function, which is called once for each row.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Call, Part, Spent, Values, given_up, is_the_instances, kind_of};
use crate::error::code_of;
use crate::function::Failure;
use crate::instance::Handle;
use crate::plain::PlainFunction;
use crate::{Error, ErrorKind, Result};

impl Call {
    /// Computes the rows of a chunk. When the plugin crashes or is stopped, the rows before
    /// are kept, the row fails, and a new instance goes on with the rest.
    pub(super) fn rows(&self, plain: &PlainFunction, start: usize, len: usize) -> Result<Part> {
        let mut rows = plain.rows();
        let mut ended: Vec<(usize, Error)> = Vec::new();
        let mut failures = Vec::new();
        // The row that is tried again in a new instance.
        let mut again = None;
        while rows.len() < len {
            self.options.check()?;
            let before = rows.len();
            let (at, left) = (start + before, len - before);
            if self.out_of_patience() {
                ended.extend((before..len).map(|row| (row, given_up())));
                rows.push_nulls(left);
                break;
            }
            let mut ready = match again == Some(at) {
                true => self.function.new_instance()?,
                false => self.function.check_out()?,
            };
            let used = ready.used;
            ready.instance.prepare(&self.options, usize::MAX);
            let begin = Instant::now();
            let Handle::Plain(opened) = ready.handle else {
                return Err(Error::new(ErrorKind::UnknownFunction, "no such function"));
            };
            let prepared = self.prepare(at, left)?;
            let spent = Spent::before(&ready);
            let result = ready.instance.call_rows(
                plain,
                &opened,
                &prepared.arrays,
                left,
                &self.budget,
                &mut rows,
            );
            // Those of rows that are tried again are the same.
            prepared.add_failures(at, &mut failures);
            let spent = spent.after(&ready);
            let done = rows.len() - before;
            self.note(
                &spent,
                begin,
                at,
                (done + usize::from(result.is_err())).min(left),
            );
            if done > 0 {
                self.function.learn(&spent, done);
            }
            let Err(error) = result else {
                self.function.check_in(ready);
                continue;
            };
            // Rows of a chunk cost about the same: the last of them has its share of the
            // time, unless it is what took all of it.
            let share = match error.kind() {
                ErrorKind::Timeout => 1,
                _ => u32::try_from(done).unwrap_or(u32::MAX).saturating_add(1),
            };
            self.lose(begin.elapsed() / share);
            match error.kind() {
                // The time may have gone by in the rows before: it is tried alone.
                ErrorKind::Timeout if done > 0 => {}
                // Rows before it may have left the instance in the state that ended it.
                _ if is_the_instances(&error) && (used || done > 0) && again != Some(at + done) => {
                    again = Some(at + done);
                }
                ErrorKind::Trap | ErrorKind::Memory | ErrorKind::Timeout => {
                    ended.push((before + done, error));
                    rows.push_nulls(1);
                }
                _ => return Err(error),
            }
        }
        let (columns, said) = rows.into_columns();
        let said = said.into_iter().map(|failure| {
            let code = code_of(&failure.code);
            Failure {
                row: start + failure.row,
                kind: failure.kind.unwrap_or_else(|| kind_of(code)),
                code: code.to_owned(),
                message: self.budget.message(failure.message),
            }
        });
        let ended = ended.into_iter().map(|(row, error)| Failure {
            row: start + row,
            kind: error.kind(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
        });
        let by_row = said.chain(ended).chain(failures);
        let by_row: BTreeMap<_, _> = by_row.map(|failure| (failure.row, failure)).collect();
        let part = Part {
            start,
            values: Values::Rows(columns),
            failures: by_row.into_values().collect(),
        };
        Ok(self.counted(part, len))
    }

    pub(super) fn lose(&self, time: Duration) {
        let lost = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.lost.fetch_add(lost, Ordering::Relaxed);
    }
}
