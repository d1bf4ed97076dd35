//! What does not compile, and what the compiler says of it. `TRYBUILD=overwrite`
//! writes the messages anew.

#[test]
fn mistakes_are_explained_where_they_are() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
