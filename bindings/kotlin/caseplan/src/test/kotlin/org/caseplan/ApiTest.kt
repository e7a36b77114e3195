package org.caseplan

import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiToolsFactory
import org.junit.jupiter.api.Test
import java.io.File
import java.util.ServiceLoader
import kotlin.test.assertEquals

/**
 * The public API as it was reviewed: `api/caseplan.api`. A signature that changes shows there.
 *
 * `mvn -f bindings/kotlin/pom.xml verify -Dcaseplan.api.write=true` writes it anew.
 */
class ApiTest {
    @Test
    fun `the public api is the one that was reviewed`() {
        // What UniFFI makes for itself is public to the compiler only.
        val machinery = listOf("FfiConverter", "Uniffi", "RustBuffer", "ForeignBytes", "NoHandle", "Disposable", "Core", "CancelToken")
        val excluded = machinery.map { "org.caseplan.$it**" }.toSet()
        val classes =
            listOf("core", "caseplan").flatMap { module ->
                File("../$module/target/classes").walk().filter { it.extension == "class" }.sortedBy { it.path }
            }
        val tools = ServiceLoader.load(AbiToolsFactory::class.java).single().get()
        val dump =
            StringBuilder()
                .also { tools.printJvmDump(it, classes, AbiFilters(emptySet(), excluded, emptySet(), emptySet())) }
                .lines()
                .filterNot { line -> DERIVED.any { it in line } }
                .joinToString("\n")
                .replace(EMPTY_COMPANION, "")
        val reviewed = File("../api/caseplan.api")
        if (System.getProperty("caseplan.api.write") == "true") reviewed.writeText(dump)
        assertEquals(reviewed.readText(), dump)
    }

    private companion object {
        /** What the compiler derives from a data class's constructor, which is there. */
        val DERIVED =
            listOf(
                " fun component",
                " fun copy",
                " fun equals (",
                " fun hashCode ()I",
                " fun toString ()",
                "-impl ",
                "-impl0 ",
                " static final field Companion ",
            )

        /** A companion says something once it has a function. */
        val EMPTY_COMPANION = Regex("public final class \\S+\\\$Companion \\{\n\\}\n\n")
    }
}
