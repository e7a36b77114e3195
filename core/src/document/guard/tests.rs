//! Cloned or built anew, a document that takes changes is the same, and the same change is refused.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, ROOT};
use proptest::prelude::*;

use super::*;
use crate::document::chunk::read_change;
use crate::document::layout::contact_log::{CONTACTS, CORRECTED};
use crate::document::remake::{Anew, Branches, Fates, again};
use crate::document::value::Entity;
use crate::document::{Edit, EditRefused, FieldPath, Stamp, Value};

type Sent = Vec<(ChangeHash, Vec<u8>)>;

const CLONED: usize = usize::MAX;
const BUILT_ANEW: usize = 0;

fn actor(number: u8) -> Actor {
    Actor([number; 24])
}

fn stamp(number: u8) -> Stamp {
    Stamp { code: "test", command: None, actor: actor(number), time: 1_772_000_000 }
}

fn contact(key: &str) -> Edit {
    let text = |text: &str| Value::Text(text.to_owned());
    let fields =
        [("place", "a room"), ("narrative", key), ("attendance/a", "present"), ("attendance/b", "late")];
    Edit::create(CONTACTS, key, fields.map(|(field, value)| (field.to_owned(), text(value))))
}

/// A log with three contacts, as every device has it.
fn base() -> Document {
    let mut document = Document::new(Kind::ContactLog).unwrap();
    document.commit(&["k0", "k1", "k2"].map(contact), stamp(1)).unwrap();
    document
}

/// Everything that is read of a document, now and as it was at some heads.
fn read(document: &Document, heads: &[ChangeHash]) -> Vec<Vec<(String, Entity)>> {
    let views = [document.view(), document.view_at(heads)];
    let of = |view: &crate::document::View<'_>, container: &str| {
        let mut all = vec![(String::new(), view.fields(container))];
        if !Kind::ContactLog.is_flat(container) {
            all.extend(view.entities(container));
        }
        all
    };
    let containers = || Kind::ContactLog.containers().iter();
    views.iter().flat_map(|view| containers().map(|container| of(view, container))).collect()
}

fn assert_same(one: &Applied, other: &Applied, heads: &[ChangeHash]) {
    assert_eq!(one.poisoned, other.poisoned);
    assert_eq!(one.document.heads(), other.document.heads());
    assert_eq!(one.document.operations(), other.document.operations());
    assert_eq!(read(&one.document, heads), read(&other.document, heads));
}

fn both_ways(document: &Document, changes: &Sent) -> (Applied, Applied) {
    (apply_anew_from(CLONED, document, changes), apply_anew_from(BUILT_ANEW, document, changes))
}

/// Puts a value; where there is a conflict, ends it with this value.
fn put(document: &mut Document, path: FieldPath, value: &str, by: u8) {
    let value = Value::Text(value.to_owned());
    match document.commit(&[Edit::put(path.clone(), value.clone())], stamp(by)) {
        Err(EditRefused::InConflict { path }) => {
            let entity = match &path.key {
                Some(key) => document.view().entity(&path.container, key).unwrap(),
                None => document.view().fields(&path.container),
            };
            let seen = entity.fields[&path.field].rivals.iter().map(|rival| rival.op).collect();
            document.commit(&[Edit::Settle { path, seen, value }], stamp(by)).unwrap();
        }
        made => drop(made.unwrap()),
    }
}

fn lacked(by: &Document, of: &Document) -> Sent {
    of.raw_changes().into_iter().filter(|(hash, _)| !by.holds(hash)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_documents_are_the_same_cloned_or_built_anew(
        steps in prop::collection::vec((0..3_u8, 0..5_u8, 0..4_usize), 1..40)
    ) {
        let mut devices = [base(), base(), base()];
        for (at, (device, what, number)) in steps.into_iter().enumerate() {
            let other = devices[(usize::from(device) + 1) % 3].clone();
            let (document, by) = (&mut devices[usize::from(device)], device + 2);
            match what {
                0 | 1 => drop(document.commit(&[contact(&format!("{by}-{at}"))], stamp(by)).unwrap()),
                2 => put(document, FieldPath::of(CONTACTS, format!("k{}", number % 3), "place"), &at.to_string(), by),
                3 => put(document, FieldPath::flat(CORRECTED, &format!("k0.{number}")), &at.to_string(), by),
                _ => *document = apply_anew_from(CLONED, document, &lacked(document, &other)).document,
            }
        }
        let [ours, second, third] = devices;
        let mut changes = lacked(&ours, &second);
        for change in lacked(&ours, &third) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        let (cloned, built) = both_ways(&ours, &changes);
        prop_assert_eq!(&cloned.poisoned, &[]);
        prop_assert!(changes.iter().all(|(hash, _)| built.document.holds(hash)));
        assert_same(&cloned, &built, &ours.heads());
    }
}

/// What touches the root, which no Caseplan does.
fn vandal(document: &Document) -> Vec<u8> {
    let mut am = document.am.clone();
    am.set_actor(ActorId::from(actor(66).0));
    let mut tx = am.transaction();
    tx.put(ROOT, "contacts", "gone").unwrap();
    let (hash, _) = tx.commit_with(CommitOptions::default());
    am.get_change_by_hash(&hash.unwrap()).unwrap().raw_bytes().to_vec()
}

/// What writes into a contact that no document has: Automerge itself fails.
fn lost(document: &Document) -> Vec<u8> {
    let mut elsewhere = document.clone();
    elsewhere.commit(&[contact("elsewhere")], stamp(65)).unwrap();
    let path = FieldPath::of(CONTACTS, "elsewhere", "place");
    let made = elsewhere.commit(&[Edit::put(path, Value::Text("x".to_owned()))], stamp(66)).unwrap().unwrap();
    let chunk = elsewhere.raw_change(&made.hash).unwrap();
    let (deps, start_op) = (document.heads(), document.operations() + 1);
    again(&chunk, Anew { actor: actor(66), seq: 1, deps, start_op }, &Fates::default(), &Branches::new())
        .unwrap()
}

#[test]
fn one_poisoned_change_among_300_is_found_cloned_or_built_anew() {
    let (mut ours, mut theirs) = (base(), base());
    for at in 0..40 {
        ours.commit(&[contact(&format!("ours-{at}"))], stamp(2)).unwrap();
    }
    for at in 0..300 {
        theirs.commit(&[contact(&format!("theirs-{at}"))], stamp(3)).unwrap();
    }
    for poison in [vandal(&base()), lost(&base())] {
        let header = read_change(&poison, &Limits::DEFAULT).unwrap();
        let mut changes = lacked(&ours, &theirs);
        changes.insert(171, (header.hash, poison));
        let (cloned, built) = both_ways(&ours, &changes);
        assert_eq!(cloned.poisoned, [header.hash]);
        assert_same(&cloned, &built, &ours.heads());
        assert_same(&cloned, &apply(&ours, &changes), &ours.heads());
        assert_eq!(built.document.view().keys(CONTACTS).len(), 3 + 40 + 300);
    }
}
