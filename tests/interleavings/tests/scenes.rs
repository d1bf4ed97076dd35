//! Each scene in some thousands of interleavings. A failure prints a schedule, which
//! `shuttle::replay(scene, schedule)` runs again.

use wudf_interleavings::scenes;

/// At random, and with few changes of thread in places that matter.
fn check(scene: fn()) {
    shuttle::check_random(scene, 2_000);
    shuttle::check_pct(scene, 1_000, 3);
}

#[test]
fn jobs_of_a_pool() {
    check(scenes::jobs_of_a_pool);
}

#[test]
fn callers_of_a_model() {
    check(scenes::callers_of_a_model);
}

#[test]
fn cancelled_callers_of_a_model() {
    check(scenes::cancelled_callers_of_a_model);
}
