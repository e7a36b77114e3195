plugins {
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    jvmToolchain(17)
    explicitApi()
}

tasks.compileKotlin {
    compilerOptions.allWarningsAsErrors = true
}

sourceSets.main {
    kotlin.srcDir("src/main/kotlin")
}

dependencies {
    api(project(":core"))
    api(libs.coroutines.core)
    testImplementation(libs.abi.tools)
    testImplementation(libs.kotlin.test.junit5)
    testImplementation(platform(libs.junit.bom))
    testImplementation(libs.junit.jupiter)
    testRuntimeOnly(libs.junit.launcher)
}

tasks.test {
    useJUnitPlatform()
    systemProperty("jna.library.path", rootProject.file(providers.gradleProperty("caseplan.native.dir").get()).path)
    systemProperty("caseplan.version", version)
    systemProperty("caseplan.api.write", providers.gradleProperty("caseplan.api.write").getOrElse("false"))
}
