//! One entity that was made twice: nothing that anybody wrote into either is hidden.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, ReadDoc};

use crate::document::layout::case::PARTICIPANTS;
use crate::document::{Document, Edit, EditRefused, Field, FieldPath, Kind, Stamp, Value, guard};
use crate::ids::{Actor, ChangeHash};

fn stamp(by: u8) -> Stamp {
    Stamp { code: "test", command: None, actor: Actor([by; 24]), time: 10 }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn path(field: &str) -> FieldPath {
    FieldPath::of(PARTICIPANTS, "k", field)
}

fn put(document: &mut Document, field: &str, value: &str, by: u8) -> Result<(), EditRefused> {
    document.commit(&[Edit::put(path(field), text(value))], stamp(by)).map(drop)
}

/// The same participant, as two devices made it apart.
fn made_apart() -> [Document; 2] {
    [1, 2].map(|by| {
        let fields = [("name", "Léa"), ("role", "child"), ("phones/home", "12"), ("phones/work", "34")];
        let fields = fields.map(|(field, value)| (field.to_owned(), text(value)));
        let mut document = Document::new(Kind::Case).unwrap();
        document.commit(&[Edit::create(PARTICIPANTS, "k", fields)], stamp(by)).unwrap();
        document
    })
}

/// Both with what either has.
fn meet(documents: &mut [Document; 2]) {
    let [one, other] = &*documents;
    let lacked = |by: &Document, of: &Document| -> Vec<(ChangeHash, Vec<u8>)> {
        of.raw_changes().into_iter().filter(|(hash, _)| !by.holds(hash)).collect()
    };
    let (to_one, to_other) = (lacked(one, other), lacked(other, one));
    *documents = [guard::apply(one, &to_one).document, guard::apply(other, &to_other).document];
    let read = |document: &Document| document.view().entity(PARTICIPANTS, "k");
    assert_eq!(read(&documents[0]), read(&documents[1]));
}

fn field(document: &Document, name: &str) -> Field {
    document.view().entity(PARTICIPANTS, "k").unwrap().fields[name].clone()
}

fn values(document: &Document, name: &str) -> Vec<Value> {
    field(document, name).rivals.into_iter().map(|rival| rival.value).collect()
}

#[test]
fn two_that_say_the_same_are_read_as_one_without_a_conflict() {
    let mut both = made_apart();
    meet(&mut both);
    let entity = both[0].view().entity(PARTICIPANTS, "k").unwrap();
    assert_eq!(entity.conflicts().count(), 0);
    assert_eq!(entity.text("phones/home"), Some("12"));
    assert_eq!(both[0].view().entities(PARTICIPANTS).len(), 1);
}

#[test]
fn what_was_written_into_either_before_they_met_is_in_conflict_until_it_is_settled() {
    for writer in [0, 1] {
        let mut both = made_apart();
        put(&mut both[writer], "name", "Léa M.", writer as u8 + 1).unwrap();
        put(&mut both[writer], "phones/home", "56", writer as u8 + 1).unwrap();
        meet(&mut both);
        for (name, written, before) in [("name", "Léa M.", "Léa"), ("phones/home", "56", "12")] {
            let mut there = values(&both[0], name);
            there.sort();
            assert_eq!(there, [text(before), text(written)]);
            let refused = put(&mut both[0], name, "other", 1);
            assert_eq!(refused, Err(EditRefused::InConflict { path: path(name) }));
            let seen = field(&both[0], name).rivals.iter().map(|rival| rival.op).collect();
            let settle = Edit::Settle { path: path(name), seen, value: text(written) };
            both[0].commit(&[settle], stamp(1)).unwrap();
        }
        meet(&mut both);
        assert_eq!(field(&both[1], "name"), Field { value: text("Léa M."), rivals: Vec::new() });
        assert_eq!(field(&both[1], "phones/home"), Field { value: text("56"), rivals: Vec::new() });
    }
}

#[test]
fn what_is_written_afterwards_stands_against_what_was_written_at_the_same_time_only() {
    let mut both = made_apart();
    meet(&mut both);
    put(&mut both[0], "role", "sibling", 1).unwrap();
    put(&mut both[0], "phones/work", "78", 1).unwrap();
    meet(&mut both);
    assert_eq!(field(&both[1], "role"), Field { value: text("sibling"), rivals: Vec::new() });
    assert_eq!(field(&both[1], "phones/work"), Field { value: text("78"), rivals: Vec::new() });
    put(&mut both[0], "role", "cousin", 1).unwrap();
    put(&mut both[1], "role", "aunt", 2).unwrap();
    meet(&mut both);
    let mut there = values(&both[0], "role");
    there.sort();
    assert_eq!(there, [text("aunt"), text("cousin")], "each is told once");
}

#[test]
fn what_is_no_entity_and_stands_under_the_same_key_hides_nothing() {
    let [mut document, _] = made_apart();
    let mut elsewhere = Document::new(Kind::Case).unwrap();
    elsewhere.am.set_actor(ActorId::from([9; 24]));
    let parent = elsewhere.view().container(PARTICIPANTS).unwrap();
    let mut tx = elsewhere.am.transaction();
    // A few puts first, so that this one is the later of the two.
    (0..20).for_each(|at| tx.put(&parent, format!("x{at}"), at).unwrap());
    tx.put(&parent, "k", "no map").unwrap();
    tx.commit_with(CommitOptions::default());
    document = guard::apply(&document, &elsewhere.raw_changes()).document;
    let (shown, _) = document.am.get(&parent, "k").unwrap().unwrap();
    assert!(!shown.is_object());
    let entity = document.view().entity(PARTICIPANTS, "k").unwrap();
    assert_eq!(entity.text("name"), Some("Léa"));
    put(&mut document, "name", "Léa M.", 1).unwrap();
    assert_eq!(field(&document, "name").value, text("Léa M."));
}
