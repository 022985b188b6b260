//! Every message a macro can give, on the user's own token.

#[test]
fn a_wrong_program_teaches() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
