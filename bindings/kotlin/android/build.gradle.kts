// The AAR: the classes of both JVM modules and the library for each phone. `cargo ndk` fills src/main/jniLibs:
//   cargo ndk -t arm64-v8a -t armeabi-v7a -t x86_64 -o bindings/kotlin/android/src/main/jniLibs build --release
plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
}

base.archivesName = "caseplan-android"

android {
    namespace = "org.caseplan"
    compileSdk = 36
    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
        ndk.abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets["main"].kotlin.srcDirs(
        "../core/src/main/kotlin",
        "../caseplan/src/main/kotlin",
        rootProject.file(providers.gradleProperty("caseplan.bindings.dir").get()),
    )
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    implementation("${libs.jna.get()}@aar")
    api(libs.coroutines.android)
}
