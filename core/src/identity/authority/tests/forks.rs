//! Whose choice between the branches of a fork counts, and where.

use super::*;
use crate::identity::record::ForkChoice;
use crate::ids::ChangeHash;

#[test]
fn a_choice_counts_in_the_log_of_its_documents_scope_only() {
    let mut world = World::new();
    let (phone, marc) = (world.phone.clone(), world.enrol("w-2", &[]));
    let (here, other) = (world.facts, ScopeFacts { scope: Scope::Level(2), ..world.facts });
    world.authority.know_scope(other);
    world.grant(&phone, "w-2", false);
    let keep = ChangeHash([5; 32]);
    let choice = ForkChoice { document: document(), actor: actor(&marc), seq: 1, keep };
    let chooses = |world: &mut World, in_log: ScopeFacts| {
        let (log, body) = (*in_log.id().as_bytes(), RecordBody::ForkChoice(choice.clone()));
        world.authority.issue(&marc, log, body, NOW).unwrap();
    };
    let kept = |world: &World, facts: &ScopeFacts| world.authority.fork_choices(facts, document());
    // Who reads this scope and not the other never hears that log.
    chooses(&mut world, other);
    assert!(kept(&world, &here).is_empty());
    chooses(&mut world, here);
    assert_eq!(kept(&world, &here).values().flatten().map(|kept| kept.hash).collect::<Vec<_>>(), [keep]);
}
