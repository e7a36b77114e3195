//! What must be true after all have synced to the end: equal among those entitled, nothing lost, nothing leaked.

use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::CancelToken;
use caseplan_core::ids::CaseId;

use crate::support::Device;
use crate::world::{World, canary};

/// Looks at everything.
pub fn hold(world: &World) {
    sound(world);
    equal_among_the_entitled(world);
    nothing_is_lost(world);
    nothing_leaks(world);
}

fn sound(world: &World) {
    for (at, device) in world.devices.iter().enumerate() {
        let report = device.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "device {at}: {report:?}");
    }
}

fn cases(world: &World) -> impl Iterator<Item = CaseId> + '_ {
    world.founders.keys().copied()
}

/// The devices that may read a case, and are still somebody's.
fn entitled(world: &World, case: CaseId) -> Vec<usize> {
    let Some(readers) = world.readers(case) else { return Vec::new() };
    let living = (0..world.devices.len()).filter(|at| !world.ended.contains(at));
    living.filter(|at| readers.contains(&world.devices[*at].worker)).collect()
}

/// Everything that a screen shows of a case.
fn shown(device: &Device, case: CaseId) -> String {
    let store = &device.store;
    let page = store.contacts().page(&ContactQuery::of_case(case, 500)).unwrap();
    let contacts: Vec<_> = page.contacts.iter().map(|it| store.contacts().get(it.id).unwrap()).collect();
    let mut conflicts = store.conflicts().list(Some(case)).unwrap();
    conflicts.sort_by(|one, other| one.id.cmp(&other.id));
    // A case of the same reference that another may not read is no issue to him.
    format!(
        "{:#?}\n{:#?}\n{contacts:#?}\n{conflicts:#?}",
        store.cases().get(case).unwrap(),
        store.visitation_plans().list(Some(case)).unwrap(),
    )
}

fn equal_among_the_entitled(world: &World) {
    for case in cases(world) {
        let devices = entitled(world, case);
        let Some((first, others)) = devices.split_first() else { continue };
        let one = shown(&world.devices[*first], case);
        for other in others {
            let two = shown(&world.devices[*other], case);
            let differ = one.lines().zip(two.lines()).find(|(one, two)| one != two);
            assert!(one == two, "case {case} on {first} and {other}: {differ:?}");
        }
    }
    // Two devices of one worker hold the same altogether.
    let living: Vec<usize> = (0..world.devices.len()).filter(|at| !world.ended.contains(at)).collect();
    for (at, one) in living.iter().enumerate() {
        for other in &living[at + 1..] {
            let (one, two) = (&world.devices[*one], &world.devices[*other]);
            // What was taken back goes from each when it is known elsewhere: not from all at once.
            let taken_back = cases(world).any(|case| {
                world.granted[&case].contains(&one.worker)
                    && world.readers(case).is_none_or(|readers| !readers.contains(&one.worker))
            });
            if one.worker == two.worker && !taken_back {
                let digest = |device: &Device| device.store.exchange().digest().unwrap();
                assert_eq!(digest(one), digest(two), "two devices of {}", one.worker);
            }
        }
    }
}

fn nothing_is_lost(world: &World) {
    for (contact, (case, by)) in &world.acknowledged {
        // What an ended device recorded waits until a person admits it.
        if world.ended.contains(by) || !entitled(world, *case).contains(by) {
            continue;
        }
        for at in entitled(world, *case) {
            let there = world.devices[at].store.contacts().get(*contact).unwrap();
            assert!(there.is_some(), "contact {contact}, acknowledged on {by}, is not on {at}");
        }
    }
}

/// Each case has a word of its own: it stands in no file of a device whose worker was never granted the case.
fn nothing_leaks(world: &World) {
    let mut found = 0;
    for device in &world.devices {
        device.store.suspend();
        // The database and what lies beside it; backups are the story's own.
        let files: Vec<Vec<u8>> = std::fs::read_dir(device.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("caseplan"))
            })
            .map(|path| std::fs::read(path).unwrap_or_default())
            .collect();
        device.store.resume().unwrap();
        for case in cases(world) {
            let word = canary(case).into_bytes();
            let here = files.iter().any(|bytes| bytes.windows(word.len()).any(|window| window == word));
            found += u64::from(here);
            let may = world.granted[&case].contains(&device.worker);
            assert!(may || !here, "case {case} is on a device of {}", device.worker);
        }
    }
    assert!(found > 0 || world.founders.is_empty(), "the search finds nothing at all");
}
