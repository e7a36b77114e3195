// For Android teams: the same sources and versions as pom.xml, plus the AAR. tests/packages.rs keeps them equal.
pluginManagement {
    repositories {
        gradlePluginPortal()
        google()
        mavenCentral()
    }
}

dependencyResolutionManagement {
    repositoriesMode = RepositoriesMode.FAIL_ON_PROJECT_REPOS
    repositories {
        mavenCentral()
        google()
    }
}

rootProject.name = "caseplan-parent"
include(":core", ":caseplan", ":android")
