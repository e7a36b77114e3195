//! A visitation plan is equal wherever it may be read: by whoever has its case, and by whoever was granted that plan and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};

use caseplan_core::access::GrantState;
use caseplan_core::identity::record::Extent;
use caseplan_core::ids::{CaseId, VisitationPlanId};

use crate::oracles::entitled;
use crate::rows::{ACCEPTED, Hash, NOT_GRANTED, Rows};
use crate::support::Device;
use crate::world::World;

/// What is held of a plan's scope.
type Scope = BTreeMap<Hash, ([u8; 16], i64)>;

/// The devices that may read the plan of a case that has a word, and are still somebody's.
pub fn entitled_to_plan(world: &World, case: CaseId) -> Vec<usize> {
    let (Some(mut readers), Some(at)) = (world.readers(case), world.a_founder(case)) else {
        return Vec::new();
    };
    let grants = world.devices[at].store.grants().list(case).unwrap();
    let of_plan = grants.into_iter().filter(|grant| {
        grant.state == GrantState::Live && grant.extent == Extent::Visits(world.plans[&case])
    });
    readers.extend(of_plan.map(|grant| grant.worker.to_string()));
    world.living().filter(|at| readers.contains(&world.devices[*at].worker)).collect()
}

/// Those who have a case and those who have one plan of it hold the same of that plan, and see the same of it; answers how many
/// of the latter were compared with others.
pub fn equal_among_visitors(world: &World) -> usize {
    let mut visitors = 0;
    for (case, plan) in &world.plans {
        let devices = entitled_to_plan(world, *case);
        let Some((first, others)) = devices.split_first() else { continue };
        let of_case = entitled(world, *case);
        visitors += devices.iter().filter(|at| !others.is_empty() && !of_case.contains(at)).count();
        let (one, held) = shown(&world.devices[*first], *plan);
        for other in others {
            let (two, there) = shown(&world.devices[*other], *plan);
            // Until somebody has looked.
            let decided = world.decided.contains_key(case);
            if !decided && is_late(world, *case, [&held, &there]) {
                continue;
            }
            let differ = || Rows::differing(&world.devices, *first, *other);
            let line = || one.lines().zip(two.lines()).find(|(one, two)| one != two);
            assert!(held == there, "plan of case {case} on {first} and {other}: {:#?}", differ());
            assert!(one == two, "plan of case {case} is shown on {first} and {other}: {:?}", line());
        }
    }
    visitors
}

/// Whether two devices differ only in what somebody wrote when the case had been taken back from them. Whoever wrote that, or
/// had it from them before either knew, keeps it as part of the plan that they may still read: for all others it waits until
/// a person lets it in.
fn is_late(world: &World, case: CaseId, held: [&Scope; 2]) -> bool {
    let readers = entitled(world, case);
    let writers: Vec<[u8; 16]> =
        readers.iter().map(|at| *world.devices[*at].store.identity().device().as_bytes()).collect();
    let of_both: BTreeSet<_> = held.iter().flat_map(|held| held.keys()).collect();
    let mut late = false;
    for hash in of_both {
        let found = held.map(|held| held.get(hash));
        if found[0] == found[1] {
            continue;
        }
        let [Some((author, one)), Some((_, other))] = found else { return false };
        if writers.contains(author)
            || BTreeSet::from([*one, *other]) != BTreeSet::from([ACCEPTED, NOT_GRANTED])
        {
            return false;
        }
        late = true;
    }
    late
}

/// What a screen shows of a plan and of the contacts in its log, without the names, which stand in the case; and what is
/// held of them.
fn shown(device: &Device, plan: VisitationPlanId) -> (String, Scope) {
    let (store, rows) = (&device.store, Rows::of(device));
    let contacts = rows.contacts_in(plan).into_iter();
    let contacts: Vec<_> = contacts.map(|id| store.contacts().get(id).unwrap()).collect();
    let view = store.visitation_plans().get(plan).unwrap().map(|view| (view.plan, view.status));
    let shown = format!("{view:#?}\n{contacts:#?}");
    let nameless = shown.lines().filter(|line| !line.trim_start().starts_with("name:"));
    (nameless.collect::<Vec<_>>().join("\n"), rows.of_plan(plan))
}
