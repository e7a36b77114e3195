plugins {
    alias(libs.plugins.kotlin.jvm)
}

base.archivesName = "caseplan-core"

kotlin {
    jvmToolchain(17)
    // Generated code has warnings that nobody here can act on.
    compilerOptions.suppressWarnings = true
}

sourceSets.main {
    kotlin.srcDir("src/main/kotlin")
    kotlin.srcDir(rootProject.file(providers.gradleProperty("caseplan.bindings.dir").get()))
}

dependencies {
    implementation(libs.jna)
}
