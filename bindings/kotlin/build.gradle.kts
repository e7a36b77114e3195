plugins {
    alias(libs.plugins.kotlin.jvm) apply false
    alias(libs.plugins.kotlin.android) apply false
    alias(libs.plugins.android.library) apply false
}

allprojects {
    group = "org.caseplan"
    version = rootProject.libs.versions.caseplan.get()
}
