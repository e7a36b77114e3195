//! What is made again says the same, stands where it stood, and takes no more room than it may.

use super::*;
use crate::document::chunk::{Limits, read_change};
use crate::document::{Document, Edit, FieldPath, Kind, Stamp, Value, guard};

fn stamp(actor: Actor, time: i64) -> Stamp {
    Stamp { code: "test", command: None, actor, time }
}

fn begins(first: &ChangeHeader) -> Branch {
    Branch { first: first.hash, start_op: first.start_op }
}

fn commit(document: &mut Document, edits: &[Edit], stamp: Stamp) -> Vec<u8> {
    let change = document.commit(edits, stamp).unwrap().unwrap();
    document.raw_change(&change.hash).unwrap()
}

#[test]
fn a_chain_of_changes_says_the_same_under_another_actor_and_other_numbers() {
    let actors: Vec<Actor> = (1..=3).map(|at| Actor([at; 24])).collect();
    let create =
        |key: &str| Edit::create("participants", key, [("name".to_owned(), Value::Text(key.to_owned()))]);
    let rename =
        |name: &str| Edit::put(FieldPath::of("participants", "k", "name"), Value::Text(name.to_owned()));
    let mut lost = Document::new(Kind::Case).unwrap();
    let chain = [
        commit(&mut lost, &[create("k")], stamp(actors[0], 10)),
        commit(&mut lost, &[rename("Léa")], stamp(actors[0], 20)),
    ];
    // The kept branch is longer, so the counters differ.
    let mut kept = Document::new(Kind::Case).unwrap();
    commit(&mut kept, &[create("x"), create("y")], stamp(actors[1], 15));
    let mut deps = kept.heads();
    let mut start_op = kept.operations() + 1;
    let first = read_change(&chain[0], &Limits::DEFAULT).unwrap();
    let on = Branches::from([(actors[0], vec![begins(&first)])]);
    let (mut fates, mut made) = (Fates::default(), Vec::new());
    for (at, chunk) in chain.iter().enumerate() {
        let old = read_change(chunk, &Limits::DEFAULT).unwrap();
        let anew = Anew { actor: actors[2], seq: at as u64 + 1, deps, start_op };
        let new = again(chunk, anew, &fates, &on).unwrap();
        let header = read_change(&new, &Limits::DEFAULT).unwrap();
        assert_eq!(
            (header.time, header.message.clone(), header.ops),
            (old.time, old.message.clone(), old.ops)
        );
        assert_eq!(saying(&new), saying(chunk));
        fates.again(first.hash, &old, &header);
        (deps, start_op) = (vec![header.hash], header.max_op() + 1);
        made.push((header.hash, new));
    }
    assert_ne!(saying(&chain[0]), saying(&chain[1]));
    let applied = guard::apply(&kept, &made);
    assert_eq!(applied.poisoned, []);
    let person = applied.document.view().entity("participants", "k").unwrap();
    assert_eq!(person.fields["name"].value, Value::Text("Léa".to_owned()));
    assert!(person.fields["name"].rivals.is_empty(), "the later name follows the earlier one");
}

/// What is made again without the first change of a chain, as the third actor after the second's.
fn without_the_first(chain: &[Vec<u8>], kept: &Document) -> Option<Document> {
    let headers: Vec<ChangeHeader> =
        chain.iter().map(|chunk| read_change(chunk, &Limits::DEFAULT).unwrap()).collect();
    let branch = headers[0].hash;
    let on = Branches::from([(headers[0].actor, vec![begins(&headers[0])])]);
    let mut fates = Fates::default();
    fates.nothing(branch, &headers[0], &chain[0], &on).unwrap();
    let (mut deps, mut start_op) = (kept.heads(), kept.operations() + 1);
    let mut made = Vec::new();
    for (at, (chunk, old)) in chain.iter().zip(&headers).enumerate().skip(1) {
        let new = again(chunk, anew(at, &deps, start_op), &fates, &on);
        assert_eq!(stands(chunk, &fates, &on), new.is_some());
        let new = new?;
        let header = read_change(&new, &Limits::DEFAULT).unwrap();
        fates.again(branch, old, &header);
        (deps, start_op) = (vec![header.hash], header.max_op() + 1);
        made.push((header.hash, new));
    }
    let applied = guard::apply(kept, &made);
    assert_eq!(applied.poisoned, []);
    Some(applied.document)
}

fn anew(seq: usize, deps: &[ChangeHash], start_op: u64) -> Anew {
    Anew { actor: Actor([3; 24]), seq: seq as u64, deps: deps.to_vec(), start_op }
}

#[test]
fn what_wrote_over_a_change_that_is_gone_writes_over_what_that_had_written_over() {
    let team = |team: &str| Edit::put(FieldPath::flat("case", "team"), Value::Text(team.to_owned()));
    let mut base = Document::new(Kind::Case).unwrap();
    commit(&mut base, &[team("north")], stamp(Actor([1; 24]), 10));
    let mut lost = base.clone();
    let chain = [
        commit(&mut lost, &[team("west"), team("south")], stamp(Actor([2; 24]), 20)),
        commit(&mut lost, &[team("east")], stamp(Actor([2; 24]), 30)),
    ];
    let rest = without_the_first(&chain, &base).unwrap();
    let field = rest.view().fields("case").fields["team"].clone();
    assert_eq!(field.value, Value::Text("east".to_owned()));
    assert!(field.rivals.is_empty(), "it had seen what was there before: {:?}", field.rivals);
}

#[test]
fn an_operation_from_before_its_branch_stands_where_it_stood() {
    let chunk = |counter: u64, actor: u8| {
        let mut document = Document::new(Kind::Case).unwrap();
        let edits: Vec<Edit> = (0..counter)
            .map(|at| Edit::put(FieldPath::flat("case", "team"), Value::Text(at.to_string())))
            .collect();
        let chunk = commit(&mut document, &edits, stamp(Actor([actor; 24]), 10));
        (read_change(&chunk, &Limits::DEFAULT).unwrap(), chunk)
    };
    let ((low, bytes), (high, other)) = (chunk(2, 7), chunk(3, 8));
    let mut fates = Fates::default();
    // Branches are told apart by their hashes, of which either may be the lower one.
    for (branch, header, bytes) in [(ChangeHash([1; 32]), &low, &bytes), (ChangeHash([9; 32]), &high, &other)]
    {
        let late = ChangeHeader { start_op: header.start_op + 100, ..header.clone() };
        let on = Branches::from([(header.actor, vec![Branch { first: branch, start_op: late.start_op }])]);
        fates.nothing(branch, &late, bytes, &on).unwrap();
        let before = OpId(header.start_op, ActorId::from(header.actor.0));
        assert!(matches!(fates.place_of(&before, &on), Place::Here(id) if id == before));
    }
}

#[test]
fn what_writes_into_an_entity_that_is_gone_does_not_stand() {
    let base = Document::new(Kind::Case).unwrap();
    let mut lost = base.clone();
    let name = |name: &str| ("name".to_owned(), Value::Text(name.to_owned()));
    let chain = [
        commit(&mut lost, &[Edit::create("participants", "k", [name("Ana")])], stamp(Actor([2; 24]), 20)),
        commit(
            &mut lost,
            &[Edit::put(FieldPath::of("participants", "k", "name"), Value::Text("Léa".to_owned()))],
            stamp(Actor([2; 24]), 30),
        ),
    ];
    assert!(without_the_first(&chain, &base).is_none());
}

#[test]
fn what_many_operations_had_written_over_is_kept_up_to_a_measure() {
    let kept = Document::new(Kind::Case).unwrap();
    let team = Edit::put(FieldPath::flat("case", "team"), Value::Text("west".to_owned()));
    let chunk = commit(&mut kept.clone(), &[team], stamp(Actor([2; 24]), 10));
    let mut change = Change::from_bytes(chunk).unwrap().decode();
    let by = |at: u64, actor: u8| OpId(at, ActorId::from([actor; 24]));
    let first = change.start_op.get();
    let mut operation = change.operations.pop().unwrap();
    operation.pred = (1..=2_000).map(|at| by(at, 1)).collect::<Vec<_>>().into();
    change.operations.push(operation.clone());
    operation.pred = vec![by(first, 2)].into();
    change.operations.extend(std::iter::repeat_n(operation.clone(), 2_000));
    let ops = change.operations.len();
    let wide = Change::from(change).raw_bytes().to_vec();
    let old = read_change(&wide, &Limits::DEFAULT).unwrap();

    let on = Branches::from([(old.actor, vec![begins(&old)])]);
    let mut fates = Fates::default();
    fates.nothing(old.hash, &old, &wide, &on).unwrap();
    assert!(fates.over > 2_000 && fates.over <= room(ops), "{} of {ops} operations", fates.over);

    // What writes over all of them would write over that once more for each.
    let upon = commit(
        &mut kept.clone(),
        &[Edit::put(FieldPath::flat("case", "team"), Value::Text("east".to_owned()))],
        stamp(Actor([3; 24]), 20),
    );
    assert!(stands(&upon, &fates, &on));
    let mut change = Change::from_bytes(upon).unwrap().decode();
    let of = &mut change.operations.last_mut().unwrap().pred;
    *of = (first..first + ops as u64).map(|at| by(at, 2)).collect::<Vec<_>>().into();
    assert!(!stands(Change::from(change).raw_bytes(), &fates, &on));
}

#[test]
fn two_halves_of_a_branch_keep_to_what_each_of_them_made() {
    let author = Actor([2; 24]);
    let team = Edit::put(FieldPath::flat("case", "team"), Value::Text("west".to_owned()));
    let mut lost = Document::new(Kind::Case).unwrap();
    let common = commit(&mut lost, &[team], stamp(author, 10));
    // The same numbers of operations, in either.
    let halves = [("k", 20), ("l", 30)].map(|(key, time)| {
        let mut half = lost.clone();
        let field = |value: &str| ("name".to_owned(), Value::Text(value.to_owned()));
        let made = commit(&mut half, &[Edit::create("participants", key, [field("-")])], stamp(author, time));
        let name = Edit::put(FieldPath::of("participants", key, "name"), Value::Text(key.to_owned()));
        [made, commit(&mut half, &[name], stamp(author, time + 1))]
    });
    let read = |chunk: &Vec<u8>| read_change(chunk, &Limits::DEFAULT).unwrap();
    let (root, fork) = (begins(&read(&common)), begins(&read(&halves[1][0])));
    let [of_one, of_other] = [vec![root], vec![root, fork]].map(|on| Branches::from([(author, on)]));
    let steps = [
        (&common, &of_one),
        (&halves[0][0], &of_one),
        (&halves[0][1], &of_one),
        (&halves[1][0], &of_other),
        (&halves[1][1], &of_other),
    ];
    let kept = Document::new(Kind::Case).unwrap();
    let (mut deps, mut start_op) = (kept.heads(), kept.operations() + 1);
    let (mut fates, mut made) = (Fates::default(), Vec::new());
    for (at, (chunk, on)) in steps.into_iter().enumerate() {
        let new = again(chunk, anew(at + 1, &deps, start_op), &fates, on).unwrap();
        let header = read(&new);
        fates.again(on[&author].last().unwrap().first, &read(chunk), &header);
        (deps, start_op) = (vec![header.hash], header.max_op() + 1);
        made.push((header.hash, new));
    }
    let applied = guard::apply(&kept, &made);
    assert_eq!(applied.poisoned, []);
    for key in ["k", "l"] {
        let person = applied.document.view().entity("participants", key).unwrap();
        assert_eq!(person.fields["name"].value, Value::Text(key.to_owned()));
    }
}
