//! Keeps the Maven build, which `./test` runs, and the Gradle build, which Android teams run, at one version of
//! everything and over the same sources.
#![allow(clippy::panic, reason = "a test's helper fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules that both builds have.
const MODULES: &[&str] = &["core", "caseplan"];

/// Where each of them keeps its hand-written Kotlin.
const SOURCES: &str = "src/main/kotlin";

/// Names in the version catalog; in the pom they are properties `<name.version>`.
const SHARED_VERSIONS: &[&str] = &["kotlin", "coroutines", "jna", "junit"];

#[test]
fn every_build_names_the_version_of_cargo_toml() {
    let version = Some(env!("CARGO_PKG_VERSION"));
    assert_eq!(catalog_version(&kotlin("gradle/libs.versions.toml"), "caseplan"), version);
    for pom in ["pom.xml", "core/pom.xml", "caseplan/pom.xml"] {
        assert_eq!(element(&kotlin(pom), "version"), version, "{pom}");
    }
}

#[test]
fn maven_and_gradle_use_the_same_versions() {
    let faults = different_versions(&kotlin("pom.xml"), &kotlin("gradle/libs.versions.toml"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn maven_and_gradle_build_the_same_modules() {
    let pom = kotlin("pom.xml");
    let gradle = kotlin("settings.gradle.kts");
    for module in MODULES {
        assert!(pom.contains(&format!("<module>{module}</module>")), "pom.xml lacks {module}");
        assert!(gradle.contains(&format!("\":{module}\"")), "settings.gradle.kts lacks {module}");
    }
    assert_eq!(pom.matches("<module>").count(), MODULES.len());
    assert_eq!(gradle.matches("\":").count(), MODULES.len() + 1, "the modules of the pom, and the AAR");
}

#[test]
fn maven_gradle_and_the_aar_compile_the_same_sources() {
    let aar = kotlin("android/build.gradle.kts");
    for module in MODULES {
        assert!(kotlin_root().join(module).join(SOURCES).is_dir(), "{module}/{SOURCES} is not there");
        let pom = kotlin(&format!("{module}/pom.xml"));
        let gradle = kotlin(&format!("{module}/build.gradle.kts"));
        assert_eq!(element(&pom, "sourceDirectory"), Some(SOURCES), "{module}/pom.xml");
        assert!(
            gradle.contains(&format!("srcDir(\"{SOURCES}\")")),
            "{module}/build.gradle.kts lacks {SOURCES}"
        );
        assert!(aar.contains(&format!("\"../{module}/{SOURCES}\"")), "the AAR lacks {module}/{SOURCES}");
    }
    let generated = [
        ("core/pom.xml", "<sourceDir>${bindings.dir}</sourceDir>"),
        ("core/build.gradle.kts", "caseplan.bindings.dir"),
        ("android/build.gradle.kts", "caseplan.bindings.dir"),
    ];
    for (build, name) in generated {
        assert!(kotlin(build).contains(name), "{build} does not compile the generated sources");
    }
}

#[test]
fn a_difference_between_the_builds_is_found() {
    let pom = "<kotlin.version>2.4.21</kotlin.version><coroutines.version>1.11.0</coroutines.version>\
               <jna.version>5.19.1</jna.version>";
    let catalog = "kotlin = \"2.4.21\"\ncoroutines = \"1.10.0\"\njna = \"5.19.1\"\njunit = \"5.14.1\"\n";
    assert_eq!(
        different_versions(pom, catalog),
        [
            "coroutines: 1.11.0 in the pom, 1.10.0 in the catalog",
            "junit: nothing in the pom, 5.14.1 in the catalog",
        ]
    );
}

fn different_versions(pom: &str, catalog: &str) -> Vec<String> {
    SHARED_VERSIONS
        .iter()
        .map(|name| (name, element(pom, &format!("{name}.version")), catalog_version(catalog, name)))
        .filter(|(_, pom, catalog)| pom != catalog || pom.is_none())
        .map(|(name, pom, catalog)| {
            let [pom, catalog] = [pom, catalog].map(|version| version.unwrap_or("nothing"));
            format!("{name}: {pom} in the pom, {catalog} in the catalog")
        })
        .collect()
}

/// The text of the first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// The value of `name = "value"`.
fn catalog_version<'a>(catalog: &'a str, name: &str) -> Option<&'a str> {
    let value = catalog.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
    Some(value.trim().trim_matches('"'))
}

fn kotlin_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/kotlin")
}

fn kotlin(path: &str) -> String {
    fs::read_to_string(kotlin_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
