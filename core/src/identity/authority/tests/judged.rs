//! What was judged is kept until a record comes that it may depend on.

use super::*;

#[test]
fn a_record_of_one_case_leaves_what_was_judged_of_another() {
    let mut world = World::new();
    let (here, phone) = (world.facts, world.phone.clone());
    let there = ScopeFacts { case: CaseId(uuid8([8; 16])), ..here };
    world.authority.know_scope(there);
    let judged =
        |authority: &Authority, facts: ScopeFacts| authority.case_judgement(facts.case, facts.founder);
    let before = world.authority.clone();
    let (one, other) = (judged(&before, here), judged(&before, there));
    world.grant(&phone, "w-2", false);
    assert!(!Arc::ptr_eq(&judged(&world.authority, here), &one));
    assert!(Arc::ptr_eq(&judged(&world.authority, there), &other));
    assert_eq!((one.grants.len(), judged(&world.authority, here).grants.len()), (0, 1));
    assert!(Arc::ptr_eq(&judged(&before, here), &one), "a copy from before knows nothing of it");
    // The domain's own records may change what counts anywhere, as does a scope what counts in its case.
    world.enrol("w-2", &[]);
    assert!(!Arc::ptr_eq(&judged(&world.authority, there), &other));
    let (one, other) = (judged(&world.authority, here), judged(&world.authority, there));
    world.authority.know_scope(ScopeFacts { scope: Scope::Level(2), ..here });
    assert!(!Arc::ptr_eq(&judged(&world.authority, here), &one));
    assert!(Arc::ptr_eq(&judged(&world.authority, there), &other));
}
