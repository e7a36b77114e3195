//! The demo, as somebody who runs it first sees it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn demo(arguments: &[&str]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_caseplan")).arg("demo").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn it_tells_the_whole_story_and_ends_with_equal_digests() {
    let (story, errors, code) = demo(&[]);
    assert_eq!((errors.as_str(), code), ("", Some(0)));
    let moments = [
        "A caseload, on the phone",
        "What is due",
        "Marc's tablet\" asks, fingerprint",
        "cut off",
        "resumed",
        "2 changes are on no other device",
        "phone → tablet  2 changes; now 0 are on the phone alone",
        "One field, two values",
        "Parc Monceau, playground",
        "this field holds two values",
        "issue I-10",
        "Maison de la famille, kitchen",
        "on 2026-02-07",
        "changed",
        "Nothing lost, nothing forged",
    ];
    let mut rest = story.as_str();
    for moment in moments {
        rest = &rest[rest.find(moment).unwrap_or_else(|| panic!("no {moment:?} in its place"))..];
    }
    let ends = |name: &str| {
        let line = rest.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        (line.contains(" sound "), line.split_whitespace().last().unwrap().to_owned())
    };
    assert_eq!(ends("phone"), ends("tablet"));
    assert!(ends("phone").0);
    assert!(!story.contains('\u{1b}'), "escapes where there is no terminal");
    assert_eq!(demo(&[]).0, story, "the demo says the same every time");
}

#[test]
fn its_stores_can_be_kept_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    assert_eq!(demo(&["--keep", kept.to_str().unwrap()]).2, Some(0));
    for name in ["phone.db", "tablet.db"] {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_caseplan"));
        let output = verify.arg("verify").arg("--store").arg(kept.join(name)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let (_, errors, code) = demo(&["--keep", kept.to_str().unwrap()]);
    assert!(errors.contains("is there already") && errors.lines().count() == 1);
    assert_eq!(code, Some(2));
}
