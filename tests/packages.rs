//! Keeps the Maven build, which `./test` runs, and the Gradle build, which Android teams run, at one version of
//! everything and over the same sources.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's helper fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules that both builds have: Gradle's `android` is the AAR, Maven's compiles what is Android's only.
const MODULES: &[&str] = &["core", "caseplan", "android"];

/// Where each of them keeps its hand-written Kotlin.
const SOURCES: &str = "src/main/kotlin";

/// Names in the version catalog; in the pom they are properties `<name.version>`.
const SHARED_VERSIONS: &[&str] = &["kotlin", "coroutines", "jna", "junit"];

#[test]
fn every_build_names_the_version_of_cargo_toml() {
    let version = Some(env!("CARGO_PKG_VERSION"));
    assert_eq!(catalog_version(&kotlin("gradle/libs.versions.toml"), "caseplan"), version);
    for pom in ["pom.xml", "core/pom.xml", "caseplan/pom.xml", "android/pom.xml"] {
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
    assert_eq!(gradle.matches("\":").count(), MODULES.len());
}

#[test]
fn maven_gradle_and_the_aar_compile_the_same_sources() {
    let aar = kotlin("android/build.gradle.kts");
    for module in MODULES.iter().filter(|module| **module != "android") {
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
fn everything_public_in_kotlin_is_documented() {
    let faults: Vec<String> =
        MODULES.iter().flat_map(|module| kotlin_sources(module)).flat_map(undocumented).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let bad =
        "/** A. */\npublic class A {\n    public val b: Int = 1\n\n    @Volatile public var c: Int = 1\n}\n";
    assert_eq!(undocumented(("A.kt".to_owned(), bad.to_owned())).len(), 2);
}

#[test]
fn every_service_shows_a_sample_that_a_test_runs() {
    let samples = kotlin("caseplan/src/test/kotlin/org/caseplan/Samples.kt");
    let runs = ["SamplesTest", "SyncTest", "NearbyTest", "Together"]
        .map(|name| kotlin(&format!("caseplan/src/test/kotlin/org/caseplan/{name}.kt")))
        .concat();
    let sources = kotlin_sources("caseplan");
    for (file, text) in &sources {
        let services = text.matches(" internal constructor(\n    private val engine: Engine,").count();
        assert!(text.matches("@sample").count() >= services, "{file}: a service shows no sample");
    }
    let sources: String = sources.into_iter().map(|(_, text)| text).collect();
    let shown: Vec<&str> = sources
        .split("@sample org.caseplan.Samples.")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    assert!(shown.contains(&"store") && shown.len() > 10, "{shown:?}");
    for name in shown {
        assert!(samples.contains(&format!("suspend fun {name}(")), "there is no sample {name}");
        assert!(runs.contains(&format!("Samples.{name}(")), "nobody runs the sample {name}");
    }
}

#[test]
fn the_tours_of_the_readme_are_what_tests_run() {
    let readme = read("README.md");
    let tours = [
        ("kotlin", "bindings/kotlin/caseplan/src/test/kotlin/org/caseplan/TourTest.kt"),
        ("swift", "bindings/swift/Tests/CaseplanTests/TourTests.swift"),
    ];
    for (language, test) in tours {
        let (_, tour) = readme.split_once(&format!("```{language}\n")).unwrap();
        let (tour, _) = tour.split_once("```").unwrap();
        let test = read(test);
        let (_, run) = test.split_once("// The tour begins.\n").unwrap();
        let (run, _) = run.split_once("// The tour ends.").unwrap();
        assert_eq!(lines(tour), lines(run), "the tour in {language}");
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

/// The lines of a text, without their indents.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// Public declarations without KDoc before them.
fn undocumented((path, text): (String, String)) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let public = line.trim_start_matches("@Volatile ").starts_with("public ");
        if public && !before.ends_with("*/") && !before.starts_with('@') {
            faults.push(format!("{path}:{}: {line}", number + 1));
        }
        before = line;
    }
    faults
}

/// The hand-written sources of a module, with their paths.
fn kotlin_sources(module: &str) -> Vec<(String, String)> {
    let folder = kotlin_root().join(module).join(SOURCES).join("org/caseplan");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

fn kotlin_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/kotlin")
}

fn kotlin(path: &str) -> String {
    read(&format!("bindings/kotlin/{path}"))
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
